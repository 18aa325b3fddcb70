import CloudModel
import Foundation

/// Where log lines go: a file opened for appending, or standard error. One `write` per line, so that lines of several
/// processes never mix; the kernel keeps what was written when the process dies.
final class LogFile: Sendable {
    /// Bytes after which the file is renamed to `<path>.1`. Higher fills the disk of a small host; lower loses yesterday.
    static let sizeLimit = 64 * 1024 * 1024

    private struct State {
        var descriptor: Int32
        var size: Int
    }

    private let path: String?
    private let state: Lock<State>

    init(path: String?) {
        self.path = path
        self.state = Lock(Self.open(path))
    }

    func write(_ line: [UInt8]) {
        state.withLock { state in
            if let path, state.size + line.count > Self.sizeLimit {
                rename(path, path + ".1")
                if state.descriptor != STDERR_FILENO { close(state.descriptor) }
                state = Self.open(path)
            }
            state.size += line.count
            _ = line.withUnsafeBytes { Foundation.write(state.descriptor, $0.baseAddress, $0.count) }
        }
    }

    deinit {
        state.withLock { if $0.descriptor != STDERR_FILENO { _ = close($0.descriptor) } }
    }

    private static func open(_ path: String?) -> State {
        guard let path else { return State(descriptor: STDERR_FILENO, size: 0) }
        let descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { return State(descriptor: STDERR_FILENO, size: 0) }
        return State(descriptor: descriptor, size: Int(lseek(descriptor, 0, SEEK_END)))
    }
}
