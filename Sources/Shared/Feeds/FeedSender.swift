package import CellProtocol

/// Sends one feed to one receiver: numbers what is new, fills each run with the objects' rows as they are now, sends it, and goes
/// on from where the receiver says it stands. It keeps no state but that position, so it may die at any line.
package struct FeedSender: Sendable {
    /// Reads objects as they are now. An object may give several changes, or none if it is gone.
    package typealias Load = @Sendable ([FeedLog.Object]) async throws -> [FeedChange]
    /// Sends a batch and returns where the receiver stands then.
    package typealias Send = @Sendable (FeedBatch) async throws -> FeedPosition
    /// An object that no message can carry was passed over: the receiver keeps what it has of it until it changes.
    package typealias PassedOver = @Sendable (FeedLog.Object, any Error) -> Void

    /// What a round ended with.
    package enum Ending: Sendable, Hashable {
        /// The receiver has everything up to here.
        case upToDate(FeedPosition)
        /// The receiver stands where this feed never was.
        case stranger(FeedPosition)
    }

    let log: FeedLog
    let load: Load
    let send: Send
    let passedOver: PassedOver

    package init(_ log: FeedLog, load: @escaping Load, send: @escaping Send, passedOver: @escaping PassedOver) {
        self.log = log
        self.load = load
        self.send = send
        self.passedOver = passedOver
    }

    /// Brings the receiver, which stands at `position`, up to date.
    ///
    /// - Throws: what `send` or the database throws; the caller tries again later from the receiver's own word.
    package func catchUp(from position: FeedPosition) async throws -> Ending {
        var position = position
        // What is numbered meanwhile by others is for the next round: whoever writes rings.
        let head = try await log.number()
        var largest = FeedLog.largestRun
        while let run = try await log.run(after: position, upTo: head, atMost: largest) {
            try Task.checkCancellation()
            let stored: FeedPosition
            do {
                stored = try await send(FeedBatch(from: run.from, to: run.to, changes: try await load(run.objects)))
                largest = min(largest * 2, FeedLog.largestRun)
            } catch let error as any SendingError where error.isTooLarge {
                // The objects' rows are longer than usual: half of them, and one that is too long alone must not stop the feed for ever.
                guard let object = run.objects.first, run.objects.count == 1 else {
                    largest = max(1, run.objects.count / 2)
                    continue
                }
                passedOver(object, error)
                stored = try await send(FeedBatch(from: run.from, to: run.to, changes: []))
            }
            if stored != run.to {
                guard try await log.knows(stored) else { return .stranger(stored) }
            }
            try await log.stored(stored)
            position = stored
        }
        return .upToDate(position)
    }
}
