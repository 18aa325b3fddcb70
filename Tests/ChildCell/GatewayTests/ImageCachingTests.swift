import CloudModel
import Foundation
import HTTPTypes
import NIOCore
import Testing
import Tokens

@testable import Gateway

/// What is kept, for whom, and when Glance is asked.
@Suite(.timeLimit(.minutes(3))) struct ImageCachingTests {
    private let data = imageData(700_001)

    @Test func theFirstHostsRequestBringsTheImageAndTheNextFindsIt() async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            let first = try await gateway.fetch(image, as: Host())
            #expect(first.status == 200 && first.body == data && first.cache == "miss")
            try await gateway.waitUntilKept(image)
            let second = try await gateway.fetch(image, as: Host())
            #expect(second.status == 200 && second.body == data && second.cache == "hit")
            #expect(gateway.glance.requests == 1)
        }
    }

    @Test func manyHostsShareOneTransferAndReadWhileItComes() async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            gateway.glance.behave(.holdsAfter(300_000))
            // As many as the client has connections.
            let (begun, hosts) = (Lock(0), 8)
            try await withThrowingTaskGroup(of: GatewayUnderTest.Answer.self) { group in
                for _ in 0..<hosts {
                    group.addTask { try await gateway.fetch(image, as: Host()) { begun.withLock { $0 += 1 } } }
                }
                try await gateway.waitUntil { begun.withLock { $0 } == hosts }
                gateway.glance.release()
                for try await answer in group { #expect(answer.isWhole && answer.body == data) }
            }
            #expect(gateway.glance.requests == 1)
        }
    }

    @Test func aTransferThatBreaksGoesOnWithTheNextHostsGrant() async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            gateway.glance.behave(.holdsAndBreaksAfter(300_000))
            async let first = gateway.fetch(image, as: Host())
            try await gateway.waitUntil { gateway.glance.requests == 1 }
            let second = try await gateway.fetch(image, as: Host()) { gateway.glance.release() }
            #expect(second.isWhole && second.body == data)
            _ = try await first
            #expect(gateway.glance.requests == 2)
        }
    }

    @Test func aHostThatHangsUpDoesNotEndWhatOthersWaitFor() async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            gateway.glance.behave(.holdsAfter(300_000))
            let begun = Lock(false)
            let first = Task { try await gateway.fetch(image, as: Host()) { begun.withLock { $0 = true } } }
            try await gateway.waitUntil { begun.withLock { $0 } }
            first.cancel()
            _ = await first.result
            let second = try await gateway.fetch(image, as: Host()) { gateway.glance.release() }
            #expect(second.isWhole && second.body == data)
            #expect(gateway.glance.requests == 1)
        }
    }

    @Test func aBrokenTransferIsNotKept() async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            gateway.glance.behave(.breaksAfter(400_000))
            let broken = try await gateway.fetch(image, as: Host())
            #expect(!broken.isWhole)
            try await gateway.waitUntil { gateway.files.isEmpty }
            #expect(try await gateway.fetch(image, as: Host()).body == data)
        }
    }

    @Test func dataThatIsNotWhatGlanceSaidIsNotKept() async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            gateway.glance.behave(.corrupts)
            _ = try await gateway.fetch(image, as: Host())
            try await gateway.waitUntil { gateway.files.isEmpty }
            #expect(try await gateway.fetch(image, as: Host()).body == data)
            #expect(gateway.glance.requests == 2)
        }
    }

    @Test func theCacheStaysWithinItsLimit() async throws {
        try await withGateway(cacheBytes: 2_500_000) { gateway in
            let images = (0..<4).map { gateway.glance.add(imageData(1_000_000, seed: UInt64($0))) }
            for image in images {
                #expect(try await gateway.fetch(image, as: Host()).isWhole)
                try await gateway.waitUntilKept(image)
            }
            #expect(
                Set(gateway.files.compactMap { $0.split(separator: ".").first.map(String.init) })
                    == Set(images.suffix(2).map { "\($0)" }))
        }
    }

    @Test func anImageThatDoesNotFitIsSentPastTheCache() async throws {
        try await withGateway(cacheBytes: 500_000) { [data] gateway in
            let image = gateway.glance.add(data)
            for _ in 0..<2 {
                let answer = try await gateway.fetch(image, as: Host())
                #expect(answer.body == data && answer.cache == "miss")
            }
            #expect(gateway.files.isEmpty)
            #expect(gateway.glance.requests == 2)
        }
    }

    @Test func evictionDoesNotBreakADownloadUnderWay() async throws {
        let directory = NSTemporaryDirectory() + "meridian-cache-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let cache = try RegionCache(directory: directory, limit: 1_000, logger: .silent)
        func put(_ image: ImageID) async throws {
            guard case .absent(let transfer) = try await cache.find(image, mayAsk: true) else { return }
            let bytes = imageData(900)
            let facts = ImageFacts(size: 900, sha512: sha512(bytes))
            let file = try #require(await cache.begin(transfer, facts))
            _ = try await file.append(.init(bytes: bytes))
            try await cache.keep(transfer, file)
        }
        let image = ImageID.random()
        try await put(image)
        let open = try #require(try await cache.stored(image))
        try await put(.random())
        #expect(try await cache.stored(image) == nil)
        let read = try await open.read(at: 0, count: 900)
        #expect(Array(read.readableBytesView) == imageData(900))
    }

    @Test func wholeImagesOutliveARestartWithTheTopGoneAndPartsDoNot() async throws {
        let directory = NSTemporaryDirectory() + "meridian-gateway-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.createDirectory(atPath: "\(directory)/images", withIntermediateDirectories: true)
        let glance = try FakeGlance()
        let image = ImageID.random()
        try Data(data).write(to: URL(fileURLWithPath: "\(directory)/images/\(image).\(sha512(data))"))
        try Data(data).write(to: URL(fileURLWithPath: "\(directory)/images/\(ImageID.random()).3.part"))
        try Data(glance.key.publicKey.text.utf8).write(to: URL(fileURLWithPath: "\(directory)/grant.pub"))
        try await withGateway(in: directory, glance) { [data] gateway in
            #expect(gateway.files == ["\(image).\(sha512(data))"])
            let answer = try await gateway.fetch(image, as: Host())
            #expect(answer.body == data && answer.cache == "hit")
            // What isn't here can't be had, and that is said at once.
            #expect(try await gateway.fetch(.random(), as: Host()).status == 503)
        }
    }

    @Test func aPartOfWhatIsHereIsSentFromHereAndOfWhatIsNotFromGlance() async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            let far = try await gateway.fetch(image, as: Host(), range: "bytes=10-19")
            #expect(far.status == 206 && far.body == Array(data[10..<20]) && far.cache == "miss")
            #expect(gateway.files.isEmpty)
            _ = try await gateway.fetch(image, as: Host())
            try await gateway.waitUntilKept(image)
            let near = try await gateway.fetch(image, as: Host(), range: "bytes=700000-")
            #expect(near.status == 206 && near.body == Array(data[700_000...]) && near.cache == "hit")
            #expect(near.contentRange == "bytes 700000-700000/700001")
            #expect(try await gateway.fetch(image, as: Host(), range: "bytes=900000-").status == 416)
        }
    }

    @Test func whatGlanceRefusesIsRefusedInItsWords() async throws {
        try await withGateway { gateway in
            let deleted = try await gateway.fetch(.random(), as: Host())
            #expect(deleted.status == 410)
            let image = gateway.glance.add([1, 2, 3])
            gateway.glance.behave(.answers(.serviceUnavailable))
            let refused = try await gateway.fetch(image, as: Host())
            #expect(refused.status == 503)
            let sent = try await gateway.fetch(image, as: Host())
            #expect(sent.body == [1, 2, 3])
        }
    }
}
