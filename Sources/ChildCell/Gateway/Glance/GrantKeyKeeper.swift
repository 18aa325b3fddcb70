import CloudModel
import Foundation
import Logging
import Observability
import Tokens

/// The key that verifies grants, as the API cell last told it, kept in a file: a gateway that starts while the API cell is out of reach
/// serves what it has all the same.
actor GrantKeyKeeper {
    private(set) var key: GrantPublicKey?
    private let file: String
    private let ask: @Sendable () async throws -> GrantPublicKey
    private let log: Logger
    private var askedLast: ContinuousClock.Instant?
    /// So that an hour without the API cell is one line of the log.
    private var isOutOfReach = false

    /// A key that was replaced is believed no longer than this where nobody shows a new one before.
    private static let period = Duration.seconds(300)
    /// While there is no key nothing can be served.
    private static let periodWithoutKey = Duration.seconds(2)
    /// Whoever sends rubbish for a grant makes us ask no more often.
    private static let leastPause = Duration.seconds(10)

    /// - Parameter ask: asks the API cell.
    init(file: String, logger: Logger, ask: @escaping @Sendable () async throws -> GrantPublicKey) {
        self.file = file
        self.ask = ask
        log = logger
        key = (try? String(contentsOfFile: file, encoding: .utf8)).flatMap { GrantPublicKey(text: $0) }
    }

    /// The key that may have replaced the one which didn't verify a grant; nil: there is none, or it was asked for a moment ago.
    func newer(than old: GrantPublicKey?) async -> GrantPublicKey? {
        if let key, key != old { return key }
        if let askedLast, ContinuousClock.now - askedLast < Self.leastPause { return nil }
        await refresh()
        return key == old ? nil : key
    }

    /// Keeps the key fresh until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await refresh()
            try? await Task.sleep(for: key == nil ? Self.periodWithoutKey : Self.period)
        }
    }

    private func refresh() async {
        askedLast = .now
        let told: GrantPublicKey
        do {
            told = try await ask()
        } catch {
            if !isOutOfReach { log.warning("grant key not learned", metadata: [.error: "\(error)"]) }
            isOutOfReach = true
            return
        }
        isOutOfReach = false
        guard told != key else { return }
        key = told
        log.info("grant key learned")
        do {
            try Data((told.text + "\n").utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
        } catch {
            log.warning("grant key not kept", metadata: [.path: "\(file)", .error: "\(error)"])
        }
    }
}
