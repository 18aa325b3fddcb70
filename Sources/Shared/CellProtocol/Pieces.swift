/// An error of sending. Where it says "too large", less of the same may pass.
package protocol SendingError: Error {
    var isTooLarge: Bool { get }
}

/// Sends what is cut by count in as few messages as it fits into: all of it at once, and what proves too large in halves.
///
/// How large an item is lies with those who write names and metadata, so a count alone bounds nothing: a batch that could never be sent
/// would hold up everything behind it for ever. An item that is too large even alone fails alone.
///
/// - Parameters:
///   - send: sends some of the items and answers each, in their order. May be asked again for items of a piece that failed.
///   - tooLarge: the answer for one item that no message can carry.
/// - Throws: what `send` throws beside that. Some pieces may have been sent then.
package func inPieces<Item: Sendable, Answer: Sendable>(
    _ items: [Item], isolation: isolated (any Actor)? = #isolation, send: ([Item]) async throws -> [Answer],
    tooLarge: (Item, any Error) async throws -> Answer
) async throws -> [Answer] {
    do {
        return try await send(items)
    } catch let error as any SendingError where error.isTooLarge {
        guard items.count > 1 else {
            guard let item = items.first else { throw error }
            return [try await tooLarge(item, error)]
        }
        let half = items.count / 2
        let first = try await inPieces(Array(items[..<half]), send: send, tooLarge: tooLarge)
        return first + (try await inPieces(Array(items[half...]), send: send, tooLarge: tooLarge))
    }
}

extension Collection {
    /// How many of the first elements make a page: together at most so many bytes, but one at least, so that whoever pages gets on.
    package func count(fitting bytes: Int, sizedBy size: (Element) -> Int) -> Int {
        var left = bytes
        var count = 0
        for element in self {
            left -= Swift.min(size(element), Int.max / 2)
            if left < 0, count > 0 { break }
            count += 1
            if left < 0 { break }
        }
        return count
    }
}
