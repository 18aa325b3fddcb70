import Foundation

/// A file that says which process runs, locked so that a second copy refuses to start.
///
/// The lock (flock) belongs to the open file: it goes when the process dies, however it dies, so a stale file never blocks a
/// start. The file itself is removed by ``remove()`` or when this object goes.
package struct PIDFile: Sendable {
    private final class Handle: Sendable {
        let descriptor: Int32
        let path: String
        init(descriptor: Int32, path: String) {
            self.descriptor = descriptor
            self.path = path
        }
        deinit {
            unlink(path)
            close(descriptor)
        }
    }

    private let handle: Handle

    /// Takes the lock and writes the process id. Keep the value as long as the program runs.
    /// Throws ``ProgramError/alreadyRunning(_:)`` when another process holds it, `.configuration` when the path can't be written.
    package init(_ path: String) throws {
        // The holder unlinks before it unlocks: a lock on a file that is no longer at the path guards nothing, so look again.
        for _ in 0..<Self.attempts {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else {
                throw ProgramError.configuration("\(path) can't be written: \(String(cString: strerror(errno))).")
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let holder = Self.text(of: descriptor)
                close(descriptor)
                throw ProgramError.alreadyRunning(
                    "Another copy runs already\(holder.isEmpty ? "" : " as process \(holder)") (\(path) is locked).")
            }
            var ours = stat()
            var atPath = stat()
            guard fstat(descriptor, &ours) == 0, stat(path, &atPath) == 0, ours.st_ino == atPath.st_ino else {
                close(descriptor)
                continue
            }
            let text = "\(getpid())\n"
            ftruncate(descriptor, 0)
            pwrite(descriptor, text, text.utf8.count, 0)
            handle = Handle(descriptor: descriptor, path: path)
            return
        }
        throw ProgramError.alreadyRunning("\(path) changes hands all the time: another copy is starting or stopping.")
    }

    /// On a clean exit. The lock stays until the process ends; nothing else has to be done.
    package func remove() { unlink(handle.path) }

    private static let attempts = 5

    private static func text(of descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
