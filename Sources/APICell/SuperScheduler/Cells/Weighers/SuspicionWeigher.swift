/// A cell that has just left a call unanswered comes last, but comes: it may be the only one.
struct SuspicionWeigher: CellWeigher {
    func factor(of cell: CellSelection.Cell, for wish: CellSelection.Wish) -> Double {
        cell.contact == .suspect ? 1e-6 : 1
    }
}
