internal import CloudModel
internal import Logging

/// What a listener hears.
package enum Notification: Sendable, Equatable {
    case notified(channel: String, payload: String)
    /// The channels are listened to from now on, for the first time or again after the connection was lost. What was notified before
    /// went unheard: look at the tables once.
    case reconnected
}

extension Database {
    /// Listens on a connection of its own, connecting again by itself for as long as the stream is kept. Notifications are wake-ups:
    /// when more than 1,024 wait to be taken, the oldest are dropped.
    package func listen(_ channels: [String]) -> AsyncStream<Notification> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Notification.self, bufferingPolicy: .bufferingNewest(Listener.buffered))
        let listener = Listener(channels, settings: companionSettings("listen"), limits: limits, continuation)
        let forget = companions.add { listener.stop() }
        continuation.onTermination = { _ in
            listener.stop()
            forget()
        }
        listener.start()
        return stream
    }

    /// Wakes those who listen on `channel`. Runs on a connection of its own, so call it after the commit it tells of: NOTIFY inside a
    /// working transaction would let all commits of the server wait for each other. The same notification asked for several
    /// times while one is on its way is sent once.
    package func notify(_ channel: String, _ payload: String = "") async throws {
        try await notifier.notify(channel, payload)
    }
}

/// Keeps one listening connection alive.
private final class Listener: Sendable {
    /// Notifications not yet taken. Too few would drop wake-ups of other channels in a storm.
    static let buffered = 1024

    private struct State {
        var connection: Connection?
        var failures = 0
        var isStopped = false
    }

    private let channels: [String]
    private let settings: ConnectionSettings
    private let limits: PoolLimits
    private let heard: AsyncStream<Notification>.Continuation
    private let state = Lock(State())

    init(
        _ channels: [String], settings: ConnectionSettings, limits: PoolLimits,
        _ heard: AsyncStream<Notification>.Continuation
    ) {
        self.channels = channels
        self.settings = settings
        self.limits = limits
        self.heard = heard
    }

    func start() {
        let connection = Connection(
            settings, onReady: { [weak self] in self?.connected() }, onClosed: { [weak self] in self?.lost($0) },
            onNotification: { [heard] channel, payload in
                heard.yield(.notified(channel: channel, payload: payload))
            })
        let mayOpen = state.withLock { state in
            guard !state.isStopped else { return false }
            state.connection = connection
            return true
        }
        if mayOpen { connection.open() }
    }

    func stop() {
        let connection = state.withLock { state in
            state.isStopped = true
            defer { state.connection = nil }
            return state.connection
        }
        connection?.close()
        heard.finish()
    }

    private func connected() {
        guard let connection = state.withLock({ $0.connection }) else { return }
        let statements = channels.map { SQL(unsafe: "LISTEN \(quoted($0))") }
        Operation(.several(statements), on: connection, timeout: settings.statementTimeout, isAtomic: true).begin {
            [weak self] result in
            guard let self else { return }
            switch result {
            case .success:
                state.withLock { $0.failures = 0 }
                heard.yield(.reconnected)
            case .failure(let error):
                connection.close(error as? DatabaseError ?? .connectionLost("LISTEN failed: \(error)"))
            }
        }
    }

    private func lost(_ error: DatabaseError) {
        let pause: Duration? = state.withLock { state in
            state.connection = nil
            guard !state.isStopped else { return nil }
            state.failures += 1
            return min(limits.shortestPause * (1 << min(state.failures - 1, 16)), limits.longestPause)
        }
        guard let pause else { return }
        settings.logger.warning("listening connection lost", metadata: ["error": "\(error)"])
        Timer.after(pause) { [weak self] in self?.start() }
    }
}
