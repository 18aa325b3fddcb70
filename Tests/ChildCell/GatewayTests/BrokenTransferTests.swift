import CloudModel
import Foundation
import Observability
import Testing
import Tokens

@testable import Gateway

/// What the gateway does where bytes are wrong, slow, or don't come: hosts never wait for what won't be.
@Suite(.timeLimit(.minutes(3))) struct BrokenTransferTests {
    private let data = imageData(700_001)

    @Test func aDamagedFileIsServedUntilAHostComplainsAndThenFetchedAnew() async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            _ = try await gateway.fetch(image, as: Host())
            try await gateway.waitUntilKept(image)
            var damaged = data
            damaged[650_000] ^= 1
            let file = try #require(gateway.files.first)
            try Data(damaged).write(to: URL(fileURLWithPath: "\(gateway.directory)/images/\(file)"))
            #expect(try await gateway.fetch(image, as: Host()).body == damaged)

            // Two at once share the verification, and then the transfer.
            async let other = gateway.fetch(image, as: Host(), verifying: true)
            let fresh = try await gateway.fetch(image, as: Host(), verifying: true)
            #expect(fresh.body == data && fresh.isWhole)
            #expect(try await other.body == data)
            #expect(gateway.glance.requests == 2)
            try await gateway.waitUntilKept(image)
            let next = try await gateway.fetch(image, as: Host())
            #expect(next.body == data && next.cache == "hit")
        }
    }

    @Test func aSoundFileIsKeptWhateverHostsSay() async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            _ = try await gateway.fetch(image, as: Host())
            try await gateway.waitUntilKept(image)
            let answer = try await gateway.fetch(image, as: Host(), verifying: true)
            #expect(answer.body == data && answer.cache == "hit")
            #expect(gateway.glance.requests == 1)
        }
    }

    @Test(arguments: [(EMFILE, true), (ENFILE, true), (ENOENT, false), (EIO, false), (EACCES, false)])
    func onlyAFailureOfTheMomentLeavesAFileWhereItIs(_ code: Int32, _ isPassing: Bool) {
        #expect(FileFailure("open(2)", "f", code: code).isPassing == isPassing)
    }

    @Test func aFileThatCannotBeOpenedIsFetchedAnew() async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            _ = try await gateway.fetch(image, as: Host())
            try await gateway.waitUntilKept(image)
            let file = "\(gateway.directory)/images/\(try #require(gateway.files.first))"
            try FileManager.default.removeItem(atPath: file)
            // open(2) fails with ELOOP.
            try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: file)
            let answer = try await gateway.fetch(image, as: Host())
            #expect(answer.body == data && answer.cache == "miss")
            #expect(gateway.glance.requests == 2)
        }
    }

    @Test(arguments: [
        ("no-cache", true), ("max-age=0,\tNO-CACHE", true), ("no-cache-at-all", false), ("max-age=0", false), ("", false),
    ])
    func aComplaintIsADirective(_ header: String, _ expected: Bool) {
        #expect(CacheControl.isNoCache(header) == expected)
    }

    @Test func aTransferThatTricklesIsGivenUpAndTheNextHostAsks() async throws {
        try await withGateway(leastRate: LeastRate(bytes: 1_000, period: .milliseconds(500))) { [data] gateway in
            let image = gateway.glance.add(data)
            gateway.glance.behave(.trickles)
            async let first = gateway.fetch(image, as: Host())
            try await gateway.waitUntil { gateway.glance.requests == 1 }
            let second = try await gateway.fetch(image, as: Host())
            #expect(second.isWhole && second.body == data)
            _ = try await first
            #expect(gateway.glance.requests == 2)
        }
    }

    @Test func theRateIsThatOfEachPeriod() {
        let start = ContinuousClock.now
        var watch = LeastRate.Watch(LeastRate(bytes: 1_000, period: .seconds(30)), from: start)
        func after(_ seconds: Int, _ bytes: Int) -> Bool { watch.isTooSlow(after: bytes, at: start + .seconds(seconds)) }
        #expect(!after(29, 10), "the period isn't over")
        #expect(!after(30, 990))
        #expect(!after(59, 100_000))
        #expect(!after(60, 1))
        #expect(after(91, 999), "what came before doesn't count")
    }

    @Test func aHostWhoseGrantHasEndedDoesNotTakeOver() async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            gateway.glance.behave(.holdsAndBreaksAfter(300_000))
            async let first = gateway.fetch(image, as: Host())
            try await gateway.waitUntil { gateway.glance.requests == 1 }
            let host = try Host()
            let grant = try host.grant(for: image, by: gateway.glance.key, seconds: 5)
            let end = Timestamp.now() + .seconds(5)
            let begun = Lock(false)
            async let second = gateway.fetch(image, as: host, grant: grant) { begun.withLock { $0 = true } }
            try await gateway.waitUntil { begun.withLock { $0 } && .now() > end }
            gateway.glance.release()
            #expect(try await !second.isWhole)
            _ = try await first
            #expect(gateway.glance.requests == 1)
        }
    }

    @Test func aDirectoryThatCannotBeUsedIsNamed() throws {
        let file = NSTemporaryDirectory() + "meridian-no-folder-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data().write(to: URL(fileURLWithPath: file))
        let error = #expect(throws: ProgramError.self) { try service(in: "\(file)/images") }
        #expect(error?.exitStatus == 78)
        #expect(error?.description.contains("\(file)/images") == true)
    }

    /// As where something else of the program can't start.
    @Test func aGatewayThatNeverRunsNeedsNoEnd() throws {
        let directory = NSTemporaryDirectory() + "meridian-gateway-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        _ = try service(in: directory)
    }

    private func service(in directory: String) throws -> GatewayService {
        try GatewayService(
            .init(
                directory: directory, cacheBytes: 1, keyFile: "\(directory)/grant.pub", glance: "http://127.0.0.1:1",
                authority: nil),
            logger: .silent)
    }
}
