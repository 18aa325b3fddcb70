package import CellProtocol
import CloudModel
import Foundation

/// Who may connect: which public key stands for which name.
///
/// A folder of files `<role>_<name>.key` (`host_compute-1.tunis.key`), each with one public key; put one there and the peer is
/// admitted at its next try, take it away and it is refused at its next one (an open connection lives on until it breaks). A key that
/// stands under two names is refused under both, and so is a file that can't be read; `problems` lists them.
///
/// Beside the files there may be a roster, kept by whoever reads it from somewhere else (the hub: from its database).
package struct Enrolment: Sendable {
    private let book: Book
    private let roster: KeyRoster?

    package init(directory: String, roster: KeyRoster? = nil) {
        self.init(directory: directory, roster: roster, clock: Timestamp.now)
    }

    /// - Parameter clock: what the times of files are compared with.
    init(directory: String, roster: KeyRoster? = nil, clock: @escaping @Sendable () -> Timestamp) {
        book = Book(directory: directory, clock: clock)
        self.roster = roster
    }

    /// A fixed list, for tests and simulations.
    package init(keys: [PeerName: String]) {
        book = Book(keys: keys)
        roster = nil
    }

    /// The name a key stands for; nil: not enrolled. What a file says holds before the roster, or whoever writes that could take a file's peer
    /// its place; but not for a peer that the roster has another key of.
    package func peer(for publicKey: String) -> PeerName? {
        guard let filed = book.peer(for: publicKey, at: .now()) else { return roster?.peer(for: publicKey) }
        guard let roster, roster.knows(filed) else { return filed }
        return roster.peer(for: publicKey) == filed ? filed : nil
    }

    /// Whether somebody is enrolled under this name, be it with a key that can't be read; as of the last 200 ms.
    package func names(_ peer: PeerName) -> Bool { book.names(peer, at: .now()) }

    /// How often a key of the roster lost its name.
    var removals: Int { roster?.removals ?? 0 }

    /// The sentences about files that admit nobody, as of the last look.
    package var problems: [String] { book.problems }
}

/// Looks at the folder when its modification time changed, and for unknown keys also otherwise (a file may have been rewritten in
/// place): at most every 200 ms, so that a stranger who knocks all the time costs at most five listings a second. Files that didn't
/// change aren't read again.
///
/// A file system keeps times in ticks. Two changes in one tick leave one time, so what changed only just now is looked at again.
private final class Book: Sendable {
    private static let shortestPause = Duration.milliseconds(200)
    /// Longer than a tick of any kernel, which is 10 ms at most. More costs listings while files come in.
    private static let tick = Duration.milliseconds(20)

    private struct File {
        let stamp: Stamp
        let isSettled: Bool
        let peer: PeerName?
        let key: String?
        let problem: String?
    }

    /// What tells a changed file.
    private struct Stamp: Equatable {
        let inode: UInt64
        let size: Int64
        let seconds: Int
        let nanoseconds: Int

        /// Whether a further change would tell: false within a tick of the last one.
        func isSettled(at now: Timestamp) -> Bool {
            let changed = Timestamp(Date(timeIntervalSince1970: Double(seconds))) + .nanoseconds(nanoseconds)
            return !(changed - Book.tick..<changed + Book.tick).contains(now)
        }
    }

    private struct State {
        var names: [String: PeerName]
        /// Of every file.
        var holders: Set<PeerName>
        var files: [String: File] = [:]
        var folder: Stamp?
        /// Whether a change of the folder since would show in its stamp.
        var isSettled = true
        var lastLook: BootInstant?
        /// When `names` last asked whether the folder has changed.
        var lastCheck: BootInstant?
        var problems: [String] = []
    }

    private let directory: String?
    private let clock: @Sendable () -> Timestamp
    private let state: Lock<State>

    init(directory: String, clock: @escaping @Sendable () -> Timestamp) {
        self.directory = directory
        self.clock = clock
        state = Lock(State(names: [:], holders: []))
    }

    init(keys: [PeerName: String]) {
        directory = nil
        clock = Timestamp.now
        var names: [String: PeerName] = [:]
        var shared: Set<String> = []
        for (peer, key) in keys where names.updateValue(peer, forKey: key) != nil { shared.insert(key) }
        for key in shared { names[key] = nil }
        state = Lock(State(names: names, holders: Set(keys.keys)))
    }

    var problems: [String] { state.withLock { $0.problems } }

    func names(_ peer: PeerName, at now: BootInstant) -> Bool {
        state.withLock { state in
            if let directory, state.lastCheck.map({ now - $0 >= Self.shortestPause }) ?? true {
                state.lastCheck = now
                let folder = Self.stamp(of: directory)
                if folder != state.folder || !state.isSettled { look(into: directory, folder, &state) }
            }
            return state.holders.contains(peer)
        }
    }

    func peer(for key: String, at now: BootInstant) -> PeerName? {
        state.withLock { state in
            guard let directory else { return state.names[key] }
            let folder = Self.stamp(of: directory)
            let isRested = state.lastLook.map { now - $0 >= Self.shortestPause } ?? true
            if folder != state.folder || !state.isSettled || isRested && state.names[key] == nil {
                look(into: directory, folder, &state)
                state.lastLook = now
            }
            return state.names[key]
        }
    }

    /// - Parameter folder: the directory's stamp, taken before. What it and the files' stamps hide is judged by a time before the reading.
    private func look(into directory: String, _ folder: Stamp?, _ state: inout State) {
        let now = clock()
        state.folder = folder
        state.isSettled = folder?.isSettled(at: now) ?? true
        var files: [String: File] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] where name.hasSuffix(".key") {
            guard let stamp = Self.stamp(of: "\(directory)/\(name)") else { continue }
            if let known = state.files[name], known.stamp == stamp, known.isSettled {
                files[name] = known
            } else {
                files[name] = Self.read(name, in: directory, stamp, isSettled: stamp.isSettled(at: now))
            }
        }
        var holders: [String: [String]] = [:]
        for (name, file) in files {
            if let key = file.key { holders[key, default: []].append(name) }
        }
        state.files = files
        state.holders = Set(files.values.compactMap(\.peer))
        state.problems = files.values.compactMap(\.problem).sorted()
        state.names = [:]
        for (key, names) in holders {
            if names.count == 1 {
                state.names[key] = files[names[0]]?.peer
            } else {
                let names = names.sorted().joined(separator: " and ")
                state.problems.append("\(directory): \(names) hold the same key; neither is admitted.")
            }
        }
    }

    private static func read(_ name: String, in directory: String, _ stamp: Stamp, isSettled: Bool) -> File {
        let path = "\(directory)/\(name)"
        func file(of peer: PeerName?, key: String? = nil, problem: String? = nil) -> File {
            File(stamp: stamp, isSettled: isSettled, peer: peer, key: key, problem: problem)
        }
        let stem = name.dropLast(".key".count)
        guard let mark = stem.firstIndex(of: "_"), let peer = PeerName("\(stem[..<mark]):\(stem[stem.index(after: mark)...])")
        else {
            return file(of: nil, problem: "\(path): is not named ROLE_NAME.key.")
        }
        do {
            return file(of: peer, key: try CurveKeyPair.loadPublicKey(path))
        } catch {
            return file(of: peer, problem: (error as? CloudError)?.message ?? "\(path): \(error)")
        }
    }

    private static func stamp(of path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: status.st_mtim.tv_sec,
            nanoseconds: status.st_mtim.tv_nsec)
    }
}
