package import CloudModel
import Foundation

/// The token keys of an API node: a directory of numbered files, as Keystone's. The highest number is the primary key, which
/// seals; 0 is staged and becomes primary at the next rotation; all of them open.
///
/// Because the next primary has been on every node as the staged key before, a rotation refuses no token anywhere, as long as
/// the directory is copied to all nodes between two rotations. The directory is read again at most once a second, and when a
/// token fits no key.
package final class FernetKeyRing: Sendable {
    /// Keys kept by default, staged and primary included. Together with the rotation's period this must cover a token's
    /// lifetime: with 1 h tokens and rotations an hour apart, 3 suffice; one more leaves room for a rotation by hand.
    package static let keysKept = 4

    private struct State {
        var keys: [FernetKey]  // the primary first, the staged one last
        var readAt: ContinuousClock.Instant
        /// Why the last reading failed; nil: it didn't.
        var problem: String?
    }

    private let directory: String
    private let state: Lock<State>

    /// Throws `CloudError.internalError` with the file's name when the directory holds no usable key or a malformed one.
    package init(directory: String) throws {
        self.directory = directory
        state = Lock(State(keys: try Self.read(directory), readAt: .now))
    }

    /// Makes the directory (mode 0700) with a staged and a primary key, unless it holds keys already. Returns whether it did.
    @discardableResult
    package static func create(directory: String) throws -> Bool {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard try numbers(in: directory).isEmpty else { return false }
        try write(.generate(), number: 0, in: directory)
        try write(.generate(), number: 1, in: directory)
        return true
    }

    /// The staged key becomes primary, a new one is staged, the oldest beyond `keeping` go. Safe to interrupt at any point: every
    /// step leaves a ring that opens what it opened before.
    package func rotate(keeping: Int = FernetKeyRing.keysKept) throws {
        precondition(keeping >= 2, "a staged and a primary key are needed")
        let known = try Self.numbers(in: directory)
        let next = (known.last ?? 0) + 1
        if known.contains(0) {
            try FileManager.default.moveItem(atPath: Self.path(directory, 0), toPath: Self.path(directory, next))
        } else {
            try Self.write(.generate(), number: next, in: directory)
        }
        try Self.write(.generate(), number: 0, in: directory)
        let old = known.filter { $0 != 0 } + [next]
        for number in old.dropLast(keeping - 1) { try FileManager.default.removeItem(atPath: Self.path(directory, number)) }
        let keys = try Self.read(directory)
        state.withLock { $0 = State(keys: keys, readAt: .now) }
    }

    /// A token with the primary key.
    package func seal(_ message: [UInt8], at time: Timestamp) -> String {
        current(after: Self.readPeriod)[0].seal(message, seconds: time.microseconds / 1_000_000)
    }

    /// The message, if any key opens the token.
    package func open(_ token: String) -> [UInt8]? {
        guard let sealed = SealedToken(token) else { return nil }
        for key in current(after: Self.readPeriod) {
            if let message = key.open(sealed) { return message }
        }
        // Another node may have rotated a moment ago. Rate limited, so that forged tokens cost no disk.
        for key in current(after: Self.rereadPeriod) {
            if let message = key.open(sealed) { return message }
        }
        return nil
    }

    private static let readPeriod = Duration.seconds(1)
    private static let rereadPeriod = Duration.milliseconds(50)

    /// A directory that can't be read for a moment changes nothing: the keys we have stay good.
    private func current(after period: Duration) -> [FernetKey] {
        let (keys, isDue) = state.withLock { state in
            let isDue = .now - state.readAt >= period
            if isDue { state.readAt = .now }
            return (state.keys, isDue)
        }
        guard isDue else { return keys }
        do {
            let fresh = try Self.read(directory)
            state.withLock { ($0.keys, $0.problem) = (fresh, nil) }
            return fresh
        } catch {
            state.withLock { $0.problem = (error as? CloudError)?.message ?? error.localizedDescription }
            return keys
        }
    }

    /// Why the keys can't be read, though those that were read before are still used; nil: they can. For the operator: other nodes may seal
    /// tokens with keys that this one will never see.
    package func problem() -> String? {
        _ = current(after: Self.readPeriod)
        return state.withLock { $0.problem }
    }

    private static func read(_ directory: String) throws -> [FernetKey] {
        let numbers = try numbers(in: directory)
        guard numbers.contains(where: { $0 > 0 }) else {
            throw CloudError(.internalError, "\(directory) holds no primary token key. Run `meridian-manage keys` first.")
        }
        // The primary is the highest number; 0 is tried last: it has sealed nothing yet, unless another node rotated.
        return try numbers.reversed().map { number in
            let file = path(directory, number)
            guard let key = FernetKey(text: try String(contentsOfFile: file, encoding: .utf8)) else {
                throw CloudError(.internalError, "\(file) is not a Fernet key: 44 characters of base64url are expected.")
            }
            return key
        }
    }

    private static func numbers(in directory: String) throws -> [Int] {
        try FileManager.default.contentsOfDirectory(atPath: directory).compactMap { name in
            Int(name).flatMap { $0 >= 0 && String($0) == name ? $0 : nil }
        }.sorted()
    }

    private static func path(_ directory: String, _ number: Int) -> String { "\(directory)/\(number)" }

    /// A file nobody sees half written: written beside, then renamed.
    private static func write(_ key: FernetKey, number: Int, in directory: String) throws {
        let temporary = "\(directory)/.\(number).new"
        try? FileManager.default.removeItem(atPath: temporary)
        guard
            FileManager.default.createFile(
                atPath: temporary, contents: Data(key.text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw CloudError(.internalError, "\(temporary) can't be written.") }
        guard rename(temporary, path(directory, number)) == 0 else {
            throw CloudError(
                .internalError, "\(path(directory, number)) can't be written: \(String(cString: strerror(errno))).")
        }
    }
}
