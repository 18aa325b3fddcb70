import CloudModel
import Foundation
import Testing
import Tokens

@testable import Gateway

/// Who gets an image: as at Glance, and also where Glance isn't asked.
@Suite(.timeLimit(.minutes(3))) struct AdmissionTests {
    private let data = imageData(10_000)

    /// An image that is in the cache.
    private func withImage(_ body: @escaping @Sendable (GatewayUnderTest, ImageID, Host) async throws -> Void) async throws {
        try await withGateway { [data] gateway in
            let image = gateway.glance.add(data)
            let host = try Host()
            _ = try await gateway.fetch(image, as: host)
            try await gateway.waitUntilKept(image)
            try await body(gateway, image, host)
            #expect(gateway.glance.requests == 1, "Glance was not asked")
        }
    }

    @Test func aForgedAnExpiredAndAnotherImagesGrantAreRefused() async throws {
        try await withImage { gateway, image, host in
            let key = gateway.glance.key
            for grant in [
                try host.grant(for: image, by: .generate()), try host.grant(for: image, by: key, seconds: -1),
                try host.grant(for: .random(), by: key), "", "x",
            ] {
                #expect(try await gateway.fetch(image, as: host, grant: grant).status == 401)
            }
        }
    }

    @Test func aProofIsGoodOnceAndForItsHostAlone() async throws {
        try await withImage { gateway, image, host in
            let grant = try host.grant(for: image, by: gateway.glance.key)
            let proof = try host.prove(image, grant: grant)
            #expect(try await gateway.fetch(image, as: host, grant: grant, proof: proof).status == 200)
            #expect(try await gateway.fetch(image, as: host, grant: grant, proof: proof).status == 401)
            #expect(
                try await gateway.fetch(image, as: host, grant: grant, proof: Host().prove(image, grant: grant)).status == 401)
            #expect(try await gateway.fetch(image, as: host, range: "bytes=0-1", grant: grant).status == 206)
        }
    }

    @Test(arguments: ["/v2/images/x/file", "/v2/images/", "/", "/v2/images"])
    func whatIsNoImageIsNotFound(_ path: String) async throws {
        try await withGateway { gateway in
            let status = try await gateway.status(of: path)
            #expect(status == 404)
        }
    }

    @Test func aRequestWithoutAGrantIsRefused() async throws {
        try await withGateway { gateway in
            let status = try await gateway.status(of: "/v2/images/\(ImageID.random())/file")
            #expect(status == 401)
        }
    }

    @Test func theKeyIsLearnedWhenAGrantNeedsItKeptAndNotAskedForAgainAndAgain() async throws {
        let file = NSTemporaryDirectory() + "meridian-grant-\(UUID().uuidString).pub"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let (first, second) = (try GrantSigningKey.generate().publicKey, try GrantSigningKey.generate().publicKey)
        let asked = Lock(0)
        let keeper = GrantKeyKeeper(file: file, logger: .silent) {
            asked.withLock { $0 += 1 }
            return first
        }
        #expect(await keeper.key == nil)
        #expect(await keeper.newer(than: nil) == first)
        #expect(await keeper.newer(than: first) == nil, "it was asked for a moment ago")
        #expect(asked.withLock { $0 } == 1)

        let next = GrantKeyKeeper(file: file, logger: .silent) { second }
        #expect(await next.key == first, "what an earlier process learned")
        #expect(await next.newer(than: first) == second)
        let last = GrantKeyKeeper(file: file, logger: .silent) { throw CloudError(.unavailable, "The API cell is gone.") }
        #expect(await last.newer(than: second) == nil)
        #expect(await last.key == second)
    }
}
