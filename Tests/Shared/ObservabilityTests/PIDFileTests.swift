import Foundation
import Observability
import Testing

@Suite struct PIDFileTests {
    let path = NSTemporaryDirectory() + "meridian-pidfile-\(UUID().uuidString)"

    @Test func aSecondCopyRefusesToStartAndNamesTheFirst() throws {
        let first = try PIDFile(path)
        #expect(throws: ProgramError.self) { try PIDFile(path) }
        do {
            _ = try PIDFile(path)
        } catch let error as ProgramError {
            #expect(error.description.contains("process \(getpid())"))
            #expect(error.exitStatus == EX_TEMPFAIL)
        }
        withExtendedLifetime(first) {}
    }

    @Test func theFileGoesWithTheProgram() throws {
        do {
            let file = try PIDFile(path)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())\n")
            withExtendedLifetime(file) {}
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        _ = try PIDFile(path)
    }

    @Test func aStaleFileBlocksNobody() throws {
        try "12345\n".write(toFile: path, atomically: true, encoding: .utf8)
        let file = try PIDFile(path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())\n")
        withExtendedLifetime(file) {}
    }

    @Test func aDirectoryThatIsNotThereIsAConfigurationError() {
        #expect(throws: ProgramError.self) { try PIDFile("/nonexistent/meridian.pid") }
    }
}
