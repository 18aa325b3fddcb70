/// A factor of a cell's weight. One file each, pure. Factors are multiplied, so a cell that one of them finds worthless comes last
/// whatever the others say. Which of a cell's hosts takes the server is its own scheduler's affair.
protocol CellWeigher: Sendable {
    func factor(of cell: CellSelection.Cell, for wish: CellSelection.Wish) -> Double
}
