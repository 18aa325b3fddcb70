import Foundation
import Testing

@testable import CloudTestKit

@Suite struct SpawnTests {
    /// As a socket of NIO would be: one end is ours alone, without FD_CLOEXEC.
    @Test func aChildDoesNotHoldWhatWeClose() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let child = try Spawn.start(["sleep", "60"], log: "/dev/null")
        defer {
            kill(child, SIGKILL)
            _ = Spawn.wait(for: child)
        }
        close(ends[1])
        var waiting = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        #expect(poll(&waiting, 1, 10_000) == 1 && waiting.revents & Int16(POLLHUP) != 0, "somebody holds the other end")
    }

    @Test func whatItWritesIsKeptAndHowItEndsIsTold() throws {
        let log = NSTemporaryDirectory() + "meridian-spawn-\(UUID().uuidString)"
        defer { unlink(log) }
        let child = try Spawn.start(["sh", "-c", "echo $WORD; echo bad >&2; exit 7"], log: log, settings: ["WORD=good"])
        #expect(Spawn.wait(for: child) == 7)
        #expect(try String(contentsOfFile: log, encoding: .utf8) == "good\nbad\n")
        let killed = try Spawn.start(["sh", "-c", "kill -KILL $$"], log: "/dev/null")
        #expect(Spawn.wait(for: killed) == -SIGKILL)
    }

    @Test func whatIsNotThereIsNamed() {
        let error = #expect(throws: Spawn.Failure.self) { try Spawn.start(["meridian-nothing"], log: "/dev/null") }
        #expect(error?.description == "meridian-nothing can't be started: No such file or directory")
    }
}
