import AsyncHTTPClient
import CloudModel
import Logging
import NIOCore
import Observability

/// What Glance has begun to send, and the file it belongs in.
struct Arrival: Sendable {
    let transfer: Transfer
    let file: IncomingFile
    let body: HTTPClientResponse.Body
}

/// Receives images onto the disk, each in a task of its own: a host that hangs up doesn't end what others wait for.
struct Arrivals: Sendable {
    private let cache: RegionCache
    private let least: LeastRate
    private let log: Logger
    private let queue: AsyncStream<Arrival>
    private let entrance: AsyncStream<Arrival>.Continuation
    private let bytesFetched = MetricsRegistry.shared.counter("meridian_gateway_bytes_fetched_total")

    /// Bytes that are written at once. Less costs hand-overs between threads, more makes those who follow wait on a slow line.
    private static let piece = 64 * 1024

    init(into cache: RegionCache, least: LeastRate, logger: Logger) {
        self.cache = cache
        self.least = least
        log = logger
        // As many as the cache lets in.
        (queue, entrance) = AsyncStream.makeStream()
    }

    /// One that comes after `run` has ended is cancelled with it.
    func add(_ arrival: Arrival) { entrance.yield(arrival) }

    /// Receives until the task is cancelled; what is under way then is given up.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await arrival in queue { group.addTask { await receive(arrival) } }
        }
    }

    private func receive(_ arrival: Arrival) async {
        do {
            var pending = ByteBuffer()
            var rate = LeastRate.Watch(least, from: .now)
            for try await piece in arrival.body {
                try Task.checkCancellation()
                guard !rate.isTooSlow(after: piece.readableBytes, at: .now) else {
                    throw CloudError(.unavailable, "The image service sends the image too slowly.")
                }
                var piece = piece
                pending.writeBuffer(&piece)
                guard pending.readableBytes >= Self.piece else { continue }
                try await write(pending, of: arrival)
                pending = ByteBuffer()
            }
            if pending.readableBytes > 0 { try await write(pending, of: arrival) }
            try await cache.keep(arrival.transfer, arrival.file)
        } catch {
            log.warning("image transfer broke off", metadata: [.image: "\(arrival.transfer.image)", .error: "\(error)"])
            let known = error as? CloudError ?? CloudError(.unavailable, "The transfer of the image broke off.", cause: error)
            await cache.end(arrival.transfer, .broken(known))
        }
    }

    private func write(_ bytes: ByteBuffer, of arrival: Arrival) async throws {
        let received = try await arrival.file.append(bytes)
        bytesFetched.increment(by: bytes.readableBytes)
        arrival.transfer.change(to: .arriving(arrival.file.stored, received: received))
    }
}
