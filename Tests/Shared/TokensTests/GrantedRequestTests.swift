import CloudModel
import Testing

@testable import Tokens

@Suite struct GrantedRequestTests {
    @Test func proofsAreRememberedUntilTheirGrantsEndAndNotLonger() {
        func nonce(_ number: Int) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
        let (early, late) = (Timestamp(microseconds: 1_000), Timestamp(microseconds: 2_000))
        var used = UsedProofs()
        #expect(used.take(nonce(0), until: late, now: early) == .fresh)
        #expect(used.take(nonce(0), until: late, now: early) == .used)
        for number in 1..<UsedProofs.limit { #expect(used.take(nonce(number), until: late, now: early) == .fresh) }
        #expect(used.take(nonce(-1), until: late, now: early) == .full)
        #expect(used.take(nonce(0), until: late, now: early) == .used, "nothing is forgotten to make room")
        #expect(used.take(nonce(-1), until: Timestamp(microseconds: 3_000), now: late) == .fresh, "their grants have ended")
    }

    @Test func aRequestPassesOnceAndARefusedOneHasNotUsedItsProof() throws {
        let (key, host, image, now) = (
            try GrantSigningKey.generate(), try HostImageKey.generate(), ImageID.random(), Timestamp.now()
        )
        let grant = Grant(
            image: image, server: .random(), host: "compute-1.tunis", hostKey: host.publicText, expiresAt: now + .seconds(60))
        let text = try key.sign(grant)
        let request = ImageRequest(method: "GET", path: "/v2/images/\(image)/file", range: nil)
        let proof = try host.prove(request, with: text)
        let gate = GrantedRequests()
        func admit(_ image: ImageID, _ key: GrantPublicKey) throws {
            try gate.admit(request, of: image, grant: text, proof: proof, key: key, now: now)
        }
        #expect(throws: CloudError.self) { try admit(.random(), key.publicKey) }
        #expect(throws: CloudError.self) { try admit(image, GrantSigningKey.generate().publicKey) }
        try admit(image, key.publicKey)
        #expect(throws: CloudError.self, "a proof is good once") { try admit(image, key.publicKey) }
    }
}
