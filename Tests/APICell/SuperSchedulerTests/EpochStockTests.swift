import CloudModel
import Testing

@testable import SuperScheduler

/// A placement is always later than what its cell has seen.
@Suite struct EpochStockTests {
    private static func epochs(_ numbers: ClosedRange<Int64>) -> [PlacementEpoch] { numbers.map { PlacementEpoch($0) } }

    @Test func epochsAreHandedOutOnceAndInTheirOrder() {
        var stock = EpochStock()
        stock.add(Self.epochs(4...6))
        stock.add(Self.epochs(1...3))
        let taken = (0..<7).map { _ in stock.take(above: .none) }
        #expect(taken == Self.epochs(1...6) + [nil])
    }

    @Test func whatNobodyCanUseIsForgotten() {
        var stock = EpochStock()
        for _ in 0..<100 { stock.add(Self.epochs(1...64)) }
        stock.add(Self.epochs(65...65))
        let taken = (0..<1_000).compactMap { _ in stock.take(above: .none) }
        #expect(taken.count == EpochStock.limit)
        #expect(taken.last == PlacementEpoch(65))
    }

    @Test func whatACellHasSeenIsNeverUsedThere() {
        var stock = EpochStock()
        stock.add(Self.epochs(1...64))
        #expect(stock.take(above: PlacementEpoch(900)) == nil, "the database was rewound")
        #expect(stock.take(above: PlacementEpoch(50)) == PlacementEpoch(51), "these were drawn before the cell said hello")
        #expect(stock.take(above: PlacementEpoch(50)) == PlacementEpoch(52))
        #expect(stock.take(above: .none) == PlacementEpoch(1), "a cell that has seen less may have the others")
        #expect(stock.take(above: PlacementEpoch(64)) == nil)
    }
}
