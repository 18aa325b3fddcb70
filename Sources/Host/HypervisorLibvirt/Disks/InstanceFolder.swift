import CloudModel
import Foundation
import Hypervisors

/// The files of one guest: `<instances>/<server id>/`. Made by define, removed by destroy; a crash in between leaves it to whichever of
/// them comes next.
struct InstanceFolder {
    /// Bytes of console log kept; beyond it the older half goes.
    static let consoleLimit = 1 << 20

    let path: String
    var disk: String { path + "/disk.qcow2" }
    var console: String { path + "/console.log" }

    init(of server: ServerID, in instances: String) { path = "\(instances)/\(server)" }

    /// Empty but for an empty console log. QEMU, which may run as another user, must be able to pass through, also when the agent's
    /// umask is 0077 as its systemd unit sets it: modes are given again by chmod, which no umask touches.
    func make() throws {
        try remove()
        guard mkdir(path, 0o755) == 0 else { throw Self.failure("mkdir(2)", path) }
        guard chmod(path, 0o755) == 0 else { throw Self.failure("chmod(2)", path) }
        let descriptor = open(console, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure("open(2)", console) }
        defer { close(descriptor) }
        guard fchmod(descriptor, 0o644) == 0 else { throw Self.failure("fchmod(2)", console) }
    }

    func remove() throws {
        guard access(path, F_OK) == 0 else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw CloudError(.internalError, "The server's files can't be removed.", detail: path, cause: error)
        }
    }

    /// The last bytes of the console's log; empty for a guest that never said anything.
    func consoleTail() -> [UInt8] {
        let descriptor = open(console, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        return Self.tail(of: descriptor, at: consoleBytesShown)
    }

    /// Keeps the log bounded. Its writer appends (`<log append="on">`), so it may be cut while it is written; what the guest says
    /// within those microseconds is lost. Between two cuts it may grow by what a guest can say in a reconcile period; while no agent
    /// runs, nobody cuts it (docs/operations.md, "Console logs").
    func trimConsole() {
        let descriptor = open(console, O_RDWR | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard lseek(descriptor, 0, SEEK_END) > Self.consoleLimit else { return }
        let tail = Self.tail(of: descriptor, at: Self.consoleLimit / 2)
        ftruncate(descriptor, 0)
        write(descriptor, tail, tail.count)
    }

    private static func tail(of descriptor: Int32, at count: Int) -> [UInt8] {
        let size = Int(lseek(descriptor, 0, SEEK_END))
        let wanted = min(size, count)
        guard wanted > 0 else { return [] }
        return Array(unsafeUninitializedCapacity: wanted) { buffer, filled in
            filled = max(0, pread(descriptor, buffer.baseAddress, wanted, off_t(size - wanted)))
        }
    }

    static func failure(_ call: String, _ path: String) -> CloudError {
        let reason = String(cString: strerror(errno))
        return CloudError(.internalError, "The host can't store the server's files.", detail: "\(call) \(path): \(reason)")
    }
}
