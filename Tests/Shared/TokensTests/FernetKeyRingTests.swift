import CloudModel
import Foundation
import Testing

@testable import Tokens

@Suite(.timeLimit(.minutes(1))) struct FernetKeyRingTests {
    let directory = NSTemporaryDirectory() + "meridian-fernet-\(UUID().uuidString)"

    @Test func creatingTwiceKeepsTheKeys() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        #expect(try FernetKeyRing.create(directory: directory))
        let token = try FernetKeyRing(directory: directory).seal([1, 2, 3], at: .now())
        #expect(try !FernetKeyRing.create(directory: directory))
        #expect(try FernetKeyRing(directory: directory).open(token) == [1, 2, 3])
        let mode = try FileManager.default.attributesOfItem(atPath: directory + "/0")[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func rotatingRefusesNoTokenOnAnyNode() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FernetKeyRing.create(directory: directory)
        let here = try FernetKeyRing(directory: directory)
        let old = here.seal([7], at: .now())
        // A second node whose copy of the directory is one rotation old.
        let copy = directory + "-copy"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        try FileManager.default.copyItem(atPath: directory, toPath: copy)
        let there = try FernetKeyRing(directory: copy)
        try here.rotate()
        let new = here.seal([8], at: .now())
        #expect(here.open(old) == [7])
        #expect(here.open(new) == [8])
        #expect(there.open(new) == [8], "the new primary was staged everywhere before")
        #expect(there.open(old) == [7])
    }

    /// What was read before goes on; the operator is told until it is put right.
    @Test func aRingThatCannotBeReadAnyMoreSaysSo() async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FernetKeyRing.create(directory: directory)
        let ring = try FernetKeyRing(directory: directory)
        let token = ring.seal([9], at: .now())
        #expect(ring.problem() == nil)
        let good = try String(contentsOfFile: directory + "/0", encoding: .utf8)
        try "nonsense".write(toFile: directory + "/0", atomically: true, encoding: .utf8)
        func problem(_ isThere: Bool) async throws {
            while (ring.problem() != nil) != isThere { try await Task.sleep(for: .milliseconds(20)) }
        }
        try await problem(true)
        #expect(ring.problem()?.contains("\(directory)/0 is not a Fernet key") == true)
        #expect(ring.open(token) == [9])
        try good.write(toFile: directory + "/0", atomically: true, encoding: .utf8)
        try await problem(false)
    }

    @Test func keysThatAreTooOldGo() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FernetKeyRing.create(directory: directory)
        let ring = try FernetKeyRing(directory: directory)
        let token = ring.seal([9], at: .now())
        try ring.rotate(keeping: 3)
        #expect(ring.open(token) == [9])
        try ring.rotate(keeping: 3)
        #expect(ring.open(token) == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["0", "2", "3"])
    }

    @Test func anotherProcessSeesARotationAtOnce() async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FernetKeyRing.create(directory: directory)
        let one = try FernetKeyRing(directory: directory)
        let other = try FernetKeyRing(directory: directory)
        for _ in 0..<4 { try one.rotate() }
        let token = one.seal([5], at: .now())
        let deadline = ContinuousClock.now + .seconds(5)
        while other.open(token) == nil, .now < deadline { await Task.yield() }
        #expect(other.open(token) == [5])
    }

    @Test func aMalformedKeyIsNamed() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FernetKeyRing.create(directory: directory)
        try "rubbish".write(toFile: directory + "/1", atomically: true, encoding: .utf8)
        let error = #expect(throws: CloudError.self) { try FernetKeyRing(directory: directory) }
        #expect(error?.message.contains(directory + "/1") == true)
    }
}
