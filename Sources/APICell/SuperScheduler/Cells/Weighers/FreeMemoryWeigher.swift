internal import CellProtocol
internal import CloudModel

/// The share of memory that is free in the zones asked for: the emptiest region first.
struct FreeMemoryWeigher: CellWeigher {
    func factor(of cell: CellSelection.Cell, for wish: CellSelection.Wish) -> Double {
        let zones = wish.zones(of: cell)
        let free = zones.reduce(0) { $0 + Double($1.free.ram) }
        let total = zones.reduce(0) { $0 + Double($1.total.ram) }
        return free / max(1, total)
    }
}
