internal import CloudModel

/// Hands out placement epochs, drawn from the database a batch at a time; what a dying process has drawn and not used is never used.
actor EpochSource {
    /// Larger batches save a query for a boot storm; what is left of one is lost with the process.
    private static let batch = 64

    private let draw: Batcher<Void, [PlacementEpoch]>
    private var stock = EpochStock()

    init(store: PlacementStore) {
        // A round of servers finds none left at once: they share a draw, each has one of it, and the rest is kept for the next.
        draw = Batcher(largest: Self.batch) { askers in
            let fresh = try await store.epochs(Self.batch)
            return askers.indices.map { $0 == 0 ? [fresh[0]] + fresh[askers.count...] : [fresh[$0]] }
        }
    }

    /// An epoch later than one that a cell has seen; nil: the database has none, because it was rewound.
    func next(above seen: PlacementEpoch) async throws -> PlacementEpoch? {
        if let epoch = stock.take(above: seen) { return epoch }
        stock.add(try await draw(()))
        return stock.take(above: seen)
    }
}

/// Epochs that were drawn and not used. A pure value.
struct EpochStock: Sendable {
    /// More would only be kept by a database that was rewound under a running process, and whose draws no cell can use.
    static let limit = 256

    /// Ascending.
    private var drawn: ArraySlice<PlacementEpoch> = []

    /// Adds what was drawn from the database; of two callers that draw at once both may.
    mutating func add(_ fresh: [PlacementEpoch]) { drawn = (drawn + fresh).sorted().suffix(Self.limit) }

    /// The lowest that is later than one that was seen. The others stay for cells that have seen less.
    mutating func take(above seen: PlacementEpoch) -> PlacementEpoch? {
        drawn.firstIndex { $0 > seen }.map { drawn.remove(at: $0) }
    }
}
