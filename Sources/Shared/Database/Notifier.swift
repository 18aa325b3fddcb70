internal import CloudModel

/// Sends notifications over a connection of its own: while one batch is on its way the next gathers, each notification once.
final class Notifier: Sendable {
    private struct Message: Hashable {
        let channel: String
        let payload: String
    }

    private struct State {
        var gathering: [Message: [UnsafeContinuation<Void, any Error>]] = [:]
        var isSending = false
    }

    /// Notifications that may gather. One more is refused: the server has been away for long.
    private static let limit = 4096

    private let pool: Pool
    private let state = Lock(State())

    init(_ settings: ConnectionSettings, limits: PoolLimits) {
        var settings = settings
        settings.applicationName = "\(limits.applicationName) notify"
        var limits = limits
        limits.connections = 1
        pool = Pool(settings, limits: limits)
    }

    func close(patience: Duration) async { await pool.close(patience: patience) }

    /// Returns when the notification, or an equal one asked for meanwhile, was committed. Waits no longer than any statement may.
    func notify(_ channel: String, _ payload: String) async throws {
        let message = Message(channel: channel, payload: payload)
        try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
            let mustSend: Bool? = state.withLock { state in
                guard state.gathering.count < Self.limit || state.gathering[message] != nil else { return nil }
                state.gathering[message, default: []].append(continuation)
                defer { state.isSending = true }
                return !state.isSending
            }
            switch mustSend {
            case nil:
                continuation.resume(
                    throwing: DatabaseError(.tooManyWaiting, .tooManyConnections, "Too many notifications wait to be sent."))
            // A task of its own, at most one at a time: none of the callers should have to send what others ask for, and
            // cancelling one must not fail the rest.
            case true?: Task { await sendGathered() }
            case false?: break
            }
        }
    }

    private func sendGathered() async {
        while true {
            let batch: [Message: [UnsafeContinuation<Void, any Error>]] = state.withLock { state in
                if state.gathering.isEmpty { state.isSending = false }
                defer { state.gathering = [:] }
                return state.gathering
            }
            guard !batch.isEmpty else { return }
            let result = await send(Array(batch.keys))
            for continuation in batch.values.joined() { continuation.resume(with: result) }
        }
    }

    private func send(_ messages: [Message]) async -> Result<Void, any Error> {
        do {
            let lease = try await pool.lease(.shared)
            defer { pool.release(lease) }
            _ = try await lease.connection.run(
                .several(messages.map { "SELECT pg_notify(\($0.channel), \($0.payload))" }), isAtomic: true,
                isCancellable: false)
            return .success(())
        } catch let notSent as NotSent {
            return .failure(notSent.cause)
        } catch {
            return .failure(error)
        }
    }
}
