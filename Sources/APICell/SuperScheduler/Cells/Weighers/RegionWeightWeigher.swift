internal import CellProtocol

/// How gladly a region takes servers: `region.weight` of its file, which its cell says in its summary. A region of weight 0 takes only
/// servers that ask for it, and those as if it had weight 1.
struct RegionWeightWeigher: CellWeigher {
    func factor(of cell: CellSelection.Cell, for wish: CellSelection.Wish) -> Double {
        cell.summary.weight > 0 ? cell.summary.weight : 1
    }

    /// Why the region is not asked at all.
    func obstacle(in cell: CellSelection.Cell, to wish: CellSelection.Wish) -> String? {
        let isAskedFor = wish.zone != nil || wish.homeRegion != nil || wish.pinnedCell != nil
        return cell.summary.weight > 0 || isAskedFor ? nil : "has weight 0: only servers that ask for it are placed there"
    }
}
