import CloudModel
import Foundation
import Testing

@testable import HypervisorLibvirt

/// The files of a guest, without a hypervisor.
@Suite struct InstanceFolderTests {
    private func withFolder(_ body: (InstanceFolder) throws -> Void) throws {
        let instances = NSTemporaryDirectory() + "meridian-instances-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: instances, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: instances) }
        try body(InstanceFolder(of: ServerID.random(), in: instances))
    }

    private func mode(of path: String) throws -> mode_t {
        var found = stat()
        try #require(stat(path, &found) == 0)
        return found.st_mode & 0o7777
    }

    @Test(arguments: [0o022, 0o077, 0o777] as [mode_t])
    func anotherUsersQEMUCanPassThroughUnderAnyUmask(_ mask: mode_t) throws {
        try withFolder { folder in
            try underUmask(mask) { try folder.make() }
            #expect(try mode(of: folder.path) == 0o755)
            #expect(try mode(of: folder.console) == 0o644)
        }
    }

    // MARK: - The console's log

    /// What a guest says after `trimConsole` must land behind what was kept: its writer appends.
    private func append(_ text: String, to console: String) throws {
        let writer = try #require(FileHandle(forWritingAtPath: console))
        try writer.seekToEnd()
        try writer.write(contentsOf: Data(text.utf8))
        try writer.close()
    }

    @Test func aLogWithinItsLimitIsLeftAlone() throws {
        try withFolder { folder in
            try folder.make()
            let text = String(repeating: "x", count: InstanceFolder.consoleLimit)
            try append(text, to: folder.console)
            folder.trimConsole()
            #expect(try String(contentsOfFile: folder.console, encoding: .utf8) == text)
        }
    }

    @Test func theOlderHalfOfALogOverItsLimitGoes() throws {
        try withFolder { folder in
            try folder.make()
            // A writer that has the file open all the while, as QEMU has.
            let writer = open(folder.console, O_WRONLY | O_APPEND)
            defer { close(writer) }
            let line = [UInt8]("0123456789abcde\n".utf8)
            for _ in 0...(InstanceFolder.consoleLimit / line.count) { write(writer, line, line.count) }
            folder.trimConsole()
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder.console)).count == InstanceFolder.consoleLimit / 2)
            write(writer, line, line.count)
            let kept = try Data(contentsOf: URL(fileURLWithPath: folder.console))
            #expect(kept.count == InstanceFolder.consoleLimit / 2 + line.count)
            #expect(kept.suffix(2 * line.count) == Data(line + line))
        }
    }

    @Test func aGuestWithoutALogIsPassedOver() throws {
        try withFolder { folder in
            folder.trimConsole()
            #expect(!FileManager.default.fileExists(atPath: folder.console))
        }
    }
}

/// Runs `body` on a thread with a umask of its own: the process's is shared by all threads, and other tests are making files.
private func underUmask(_ mask: mode_t, _ body: @escaping () throws -> Void) throws {
    // unshare(2), which glibc declares only with _GNU_SOURCE; CLONE_FS of <linux/sched.h>.
    let symbol = try #require(dlsym(nil, "unshare"))
    let unshare = unsafeBitCast(symbol, to: (@convention(c) (CInt) -> CInt).self)
    let job = Job(body)
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
        defer { done.signal() }
        guard unshare(0x200) == 0 else { return job.result = .failure(CloudError(.internalError, "unshare(2) failed.")) }
        umask(mask)
        job.result = Result { try job.body() }
    }
    done.wait()
    try job.result.get()
}

/// Handed from one thread to the other, which waits for it.
private final class Job: @unchecked Sendable {
    let body: () throws -> Void
    var result: Result<Void, any Error> = .success(())
    init(_ body: @escaping () throws -> Void) { self.body = body }
}
