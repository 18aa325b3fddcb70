import CloudModel
import Testing

@testable import Tokens

/// A grant is worth nothing without the key of the host that it was signed for.
@Suite struct ImageRequestProofTests {
    let host: HostImageKey
    let grant: Grant
    let text: String
    let request = ImageRequest(method: "GET", path: "/v2/images/1/file", range: "bytes=0-99")

    init() throws {
        host = try .generate()
        grant = Grant(
            image: .random(), server: .random(), host: "compute-1.tunis", hostKey: host.publicText,
            expiresAt: Timestamp(microseconds: 2_000_000))
        text = try GrantSigningKey.generate().sign(grant)
    }

    @Test func theHostProvesThatTheGrantIsItsOwn() throws {
        let nonce = try grant.verify(proof: try host.prove(request, with: text), of: request, with: text)
        #expect(nonce.count == ImageRequest.nonceLength)
    }

    @Test func noTwoProofsAreAlike() throws {
        let nonces = try (0..<100).map { _ in
            try grant.verify(proof: try host.prove(request, with: text), of: request, with: text)
        }
        #expect(Set(nonces).count == nonces.count)
    }

    @Test func anothersKeyProvesNothing() throws {
        let stolen = try HostImageKey.generate().prove(request, with: text)
        #expect(throws: CloudError.self) { try grant.verify(proof: stolen, of: request, with: text) }
    }

    @Test func aProofIsForOneRequestUnderOneGrant() throws {
        let proof = try host.prove(request, with: text)
        for (method, path, range) in [
            ("HEAD", request.path, request.range), ("GET", "/v2/images/2/file", request.range), ("GET", request.path, nil),
            ("GET", request.path, "bytes=0-100"),
        ] {
            let other = ImageRequest(method: method, path: path, range: range)
            #expect(throws: CloudError.self) { try grant.verify(proof: proof, of: other, with: text) }
        }
        let another = try GrantSigningKey.generate().sign(grant)
        #expect(throws: CloudError.self) { try grant.verify(proof: proof, of: request, with: another) }
    }

    @Test func noByteOfAProofCanBeChanged() throws {
        let bytes = try #require(Base64.decoded(try host.prove(request, with: text)))
        for index in bytes.indices {
            var forged = bytes
            forged[index] ^= 1
            #expect(throws: CloudError.self) {
                try grant.verify(proof: Base64.urlEncoded(forged), of: request, with: text)
            }
        }
    }

    @Test(arguments: [nil, "", "x", "====", String(repeating: "A", count: 107), String(repeating: "A", count: 4_096)])
    func whatIsNoProofIsRefused(_ proof: String?) throws {
        #expect(throws: CloudError.self) { try grant.verify(proof: proof, of: request, with: text) }
    }

    @Test(arguments: ["", "key", String(repeating: "A", count: 255)])
    func aGrantWithoutAKeyIsNobodys(_ key: String) throws {
        var grant = grant
        grant.hostKey = key
        let proof = try host.prove(request, with: text)
        #expect(throws: CloudError.self) { try grant.verify(proof: proof, of: request, with: text) }
    }

    @Test func partsCannotBeMovedFromOneFieldToTheNext() throws {
        let request = ImageRequest(method: "GET", path: "/v2/images/1/file\nbytes=0-99", range: nil)
        let proof = try host.prove(request, with: text)
        #expect(throws: CloudError.self) { try grant.verify(proof: proof, of: request, with: text) }
    }
}
