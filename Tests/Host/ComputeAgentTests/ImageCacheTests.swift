import CellProtocol
import CloudModel
import ComputeAgent
import Foundation
import Hypervisors
import Logging
import NIOCore
import Synchronization
import Testing
import Tokens

@Suite(.timeLimit(.minutes(3))) struct ImageCacheTests {
    private let data = Array("an image's data, ".utf8 + [UInt8](repeating: 7, count: 100_000))

    private func image(_ data: [UInt8], format: String = "qcow2") -> ImageReference {
        ImageReference(
            id: .random(), name: "i", diskFormat: format, size: Int64(data.count), sha512: SHA512Digest.hex(of: data))
    }

    private func order(_ image: ImageReference, deadline: Timestamp? = nil) -> ImagePurpose {
        var spec = someSpec
        spec.image = image
        return .build(
            WorkOrder(
                server: .random(), epoch: PlacementEpoch(1), revision: 1, desired: .running, spec: spec, action: 1,
                request: nil,
                deadline: deadline))
    }

    private func withCache(
        _ source: FakeSource, nearby: FakeSource? = nil, limit: Int64 = 1 << 30, inUse: Set<String> = [],
        _ body: (ImageCache, String) async throws -> Void
    ) async throws {
        let directory = NSTemporaryDirectory() + "meridian-images-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var limits = ImageCache.Limits()
        limits.bytes = limit
        limits.keptAfterUse = .zero
        let cache = try ImageCache(
            directory: directory, limits: limits, grants: FakeGrants(), source: source, nearby: nearby, inUse: { inUse },
            logger: .silent)
        try await body(cache, directory)
    }

    private func files(in directory: String) -> [String]? { try? FileManager.default.contentsOfDirectory(atPath: directory) }

    @Test func theFirstBuildFetchesAndTheSecondFinds() async throws {
        let source = FakeSource(data)
        let image = image(data)
        try await withCache(source) { cache, directory in
            let (base, first) = try await cache.image(image, for: order(image))
            #expect(first == "cache miss: \(data.count) bytes from Glance")
            #expect(base == .init(path: "\(directory)/\(image.sha512)", format: "qcow2"))
            let kept = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(image.sha512)"))
            #expect(Array(kept) == data)
            #expect(try await cache.image(image, for: order(image)).note == "cache hit")
            #expect(source.fetches == 1)
            #expect(await cache.cached() == [image.sha512])
        }
    }

    @Test func manyBuildsOfOneImageShareOneTransfer() async throws {
        let source = FakeSource(data, pause: .milliseconds(50))
        let image = image(data)
        try await withCache(source) { cache, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { _ = try await cache.image(image, for: order(image)) } }
                try await group.waitForAll()
            }
            #expect(source.fetches == 1)
        }
    }

    @Test func whenTheFetchingBuildIsDeletedAnotherTakesOver() async throws {
        let source = FakeSource(data, pause: .milliseconds(200))
        let image = image(data)
        try await withCache(source) { cache, _ in
            let first = Task { try await cache.image(image, for: order(image)) }
            while source.fetches == 0 { try await Task.sleep(for: .milliseconds(1)) }
            let second = Task { try await cache.image(image, for: order(image)) }
            first.cancel()
            await #expect(throws: (any Error).self) { try await first.value }
            _ = try await second.value
            #expect(source.fetches == 2)
        }
    }

    @Test func aWaitingBuildThatIsDeletedStopsWaiting() async throws {
        let source = FakeSource(data, pause: .seconds(600))
        let image = image(data)
        try await withCache(source) { cache, _ in
            let first = Task { try await cache.image(image, for: order(image)) }
            while source.fetches == 0 { try await Task.sleep(for: .milliseconds(1)) }
            let second = Task { try await cache.image(image, for: order(image)) }
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
            first.cancel()
            _ = await first.result
        }
    }

    @Test func wrongDataNeverGetsTheName() async throws {
        var wrong = data
        wrong[3] ^= 1
        let image = image(data)
        try await withCache(FakeSource(wrong)) { cache, directory in
            await #expect(throws: CloudError.self) { try await cache.image(image, for: order(image)) }
            #expect(files(in: directory) == [])
        }
    }

    @Test func theRegionsCacheIsAskedFirst() async throws {
        let (glance, nearby) = (FakeSource(data), FakeSource(data, origin: .regionCache))
        let image = image(data)
        try await withCache(glance, nearby: nearby) { cache, _ in
            let note = try await cache.image(image, for: order(image)).note
            #expect(note == "cache miss: \(data.count) bytes from the region's cache")
            #expect(glance.fetches == 0)
        }
    }

    @Test func whenTheRegionsCacheFailsInWhateverWayGlanceHasTheImage() async throws {
        var wrong = data
        wrong[3] ^= 1
        let failing = [
            FakeSource(data, failure: .init(.unavailable, "Refused.")), FakeSource(data, failure: .init(.unauthorized, "No.")),
            FakeSource(data + [1]), FakeSource(Array(data.dropLast())),
        ]
        for nearby in failing {
            let (glance, image) = (FakeSource(data), image(data))
            try await withCache(glance, nearby: nearby) { cache, directory in
                let note = try await cache.image(image, for: order(image)).note
                #expect(note == "cache miss: \(data.count) bytes from Glance")
                #expect(nearby.fetches == 1 && glance.fetches == 1)
                #expect(files(in: directory) == [image.sha512])
            }
        }
    }

    @Test func theRegionsCacheIsToldOnceOfWrongDataAndThenGlanceHasTheImage() async throws {
        var wrong = data
        wrong[3] ^= 1
        let image = image(data)
        let healing = FakeSource(wrong, verified: data, origin: .regionCache)
        let glance = FakeSource(data)
        try await withCache(glance, nearby: healing) { cache, _ in
            let note = try await cache.image(image, for: order(image)).note
            #expect(note == "cache miss: \(data.count) bytes from the region's cache")
            #expect(healing.fetches == 2 && glance.fetches == 0)
        }
        let hopeless = FakeSource(wrong)
        try await withCache(glance, nearby: hopeless) { cache, directory in
            let note = try await cache.image(image, for: order(image)).note
            #expect(note == "cache miss: \(data.count) bytes from Glance")
            #expect(hopeless.fetches == 2 && glance.fetches == 1)
            #expect(files(in: directory) == [image.sha512])
        }
    }

    @Test func aSlowCacheOfTheRegionIsGivenUpWhileThereIsTimeForGlance() async throws {
        let (glance, nearby) = (FakeSource(data), FakeSource(data, pause: .seconds(600), origin: .regionCache))
        let image = image(data)
        try await withCache(glance, nearby: nearby) { cache, directory in
            let note = try await cache.image(image, for: order(image, deadline: .now() + .seconds(20))).note
            #expect(note == "cache miss: \(data.count) bytes from Glance")
            #expect(nearby.fetches == 1)
            #expect(files(in: directory) == [image.sha512])
        }
    }

    @Test func theRegionsCacheHasHalfOfWhatIsLeft() {
        let now = Timestamp(microseconds: 1_000_000_000)
        #expect(NearbyPatience.limit(until: now + .seconds(600), at: now) == .seconds(300))
        #expect(NearbyPatience.limit(until: now, at: now) == .zero)
        #expect(NearbyPatience.limit(until: now - .seconds(5), at: now) == .zero)
        #expect(NearbyPatience.limit(until: nil, at: now) == NearbyPatience.withoutDeadline)
    }

    @Test func eachAttemptHasAFileOfItsOwn() async throws {
        let directory = NSTemporaryDirectory() + "meridian-images-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let image = image(data)
        let seen = Mutex<[String]>([])
        let look: @Sendable () -> Void = {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
            seen.withLock { $0 += names }
        }
        let cache = try ImageCache(
            directory: directory, grants: FakeGrants(), source: FakeSource(data, onFetch: look),
            nearby: FakeSource(data, failure: .init(.unavailable, "Refused."), onFetch: look), inUse: { [] }, logger: .silent)
        _ = try await cache.image(image, for: order(image))
        let parts = Set(seen.withLock { $0 })
        #expect(parts.count == 2)
        for part in parts { #expect(part.hasPrefix("\(image.sha512).\(getpid()).") && part.hasSuffix(".part")) }
    }

    @Test func aBuildThatIsDeletedDuringTheFirstAttemptMakesNoSecond() async throws {
        let (glance, nearby) = (FakeSource(data), FakeSource(data, pause: .seconds(30)))
        let image = image(data)
        try await withCache(glance, nearby: nearby) { cache, _ in
            let build = Task { try await cache.image(image, for: order(image)) }
            while nearby.fetches == 0 { try await Task.sleep(for: .milliseconds(1)) }
            build.cancel()
            await #expect(throws: (any Error).self) { try await build.value }
            #expect(glance.fetches == 0)
        }
    }

    @Test func tooMuchOrTooLittleDataIsRefused() async throws {
        let image = image(data)
        for wrong in [data + [1], Array(data.dropLast())] {
            try await withCache(FakeSource(wrong)) { cache, directory in
                await #expect(throws: CloudError.self) { try await cache.image(image, for: order(image)) }
                #expect(files(in: directory) == [])
            }
        }
    }

    @Test func aChecksumThatIsAPathIsRefused() async throws {
        var image = image(data)
        image.sha512 = "../../etc/passwd"
        try await withCache(FakeSource(data)) { cache, _ in
            await #expect(throws: CloudError.self) { try await cache.image(image, for: order(image)) }
        }
    }

    @Test func aFormatThatCantBootIsRefused() async throws {
        let image = image(data, format: "vmdk")
        try await withCache(FakeSource(data)) { cache, _ in
            await #expect(throws: CloudError.self) { try await cache.image(image, for: order(image)) }
        }
    }

    @Test func theLeastRecentlyUsedImageGoesUnlessAGuestLiesOnIt() async throws {
        let all = (0..<4).map { number in data + [UInt8(number)] }
        let images = all.map { image($0) }
        let source = FakeSource(all)
        try await withCache(source, limit: Int64(data.count * 2 + 10), inUse: [images[0].sha512]) { cache, _ in
            for image in images { _ = try await cache.image(image, for: order(image)) }
            #expect(await Set(cache.cached()) == [images[0].sha512, images[3].sha512])
        }
    }

    // No process has this number: it is above the kernel's largest.
    @Test(arguments: ["9999999.12.part", "\(getpid()).1.part"])
    func theRestOfABrokenTransferIsClearedAtTheNextStart(_ ending: String) async throws {
        let directory = NSTemporaryDirectory() + "meridian-images-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        _ = FileManager.default.createFile(atPath: "\(directory)/\(image(data).sha512).\(ending)", contents: Data(data))
        _ = try ImageCache(directory: directory, grants: FakeGrants(), source: FakeSource(data), inUse: { [] }, logger: .silent)
        #expect(files(in: directory) == [])
    }
}

private struct FakeGrants: ImageGrants {
    func grant(_ image: ImageID, for purpose: ImagePurpose) -> ImageGrant {
        let checksum = if case .build(let order) = purpose { order.spec.image?.sha512 } else { String?.none }
        return ImageGrant(url: "https://glance/\(checksum ?? "")", grant: "g", expires: .now() + .seconds(60))
    }
}

/// Serves the data whose checksum the URL names, or the only one it has.
private final class FakeSource: ImageSource {
    private let data: [String: [UInt8]]
    private let only: [UInt8]
    private let verified: [UInt8]?
    private let pause: Duration
    private let origin: ImageOrigin
    private let failure: CloudError?
    private let onFetch: @Sendable () -> Void
    private let count = Atomic<Int>(0)
    var fetches: Int { count.load(ordering: .relaxed) }

    /// - Parameters:
    ///   - verified: what is sent instead to who asks for verified data.
    ///   - failure: thrown after the first bytes.
    ///   - onFetch: called by each fetch.
    init(
        _ data: [UInt8], verified: [UInt8]? = nil, pause: Duration = .zero, origin: ImageOrigin = .glance,
        failure: CloudError? = nil, onFetch: @escaping @Sendable () -> Void = {}
    ) {
        self.data = [:]
        only = data
        self.verified = verified
        self.onFetch = onFetch
        self.pause = pause
        self.origin = origin
        self.failure = failure
    }

    init(_ all: [[UInt8]]) {
        data = Dictionary(uniqueKeysWithValues: all.map { (SHA512Digest.hex(of: $0), $0) })
        only = []
        verified = nil
        onFetch = {}
        pause = .zero
        origin = .glance
        failure = nil
    }

    func fetch(
        _ grant: ImageGrant, verifying: Bool, _ take: @Sendable (ByteBuffer) async throws -> Void
    ) async throws -> ImageOrigin {
        count.wrappingAdd(1, ordering: .relaxed)
        onFetch()
        let bytes = (verifying ? verified : nil) ?? grant.url.split(separator: "/").last.flatMap { data[String($0)] } ?? only
        try await take(ByteBuffer(bytes: bytes.prefix(10)))
        if pause > .zero { try await Task.sleep(for: pause) }
        if let failure { throw failure }
        try await take(ByteBuffer(bytes: bytes.dropFirst(10)))
        return origin
    }
}
