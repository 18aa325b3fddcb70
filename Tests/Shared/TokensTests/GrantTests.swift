import CloudModel
import Foundation
import Testing

@testable import Tokens

@Suite struct GrantTests {
    let grant = Grant(
        image: .random(), server: .random(), host: "compute-1.tunis", hostKey: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        expiresAt: Timestamp(microseconds: 2_000_000))

    @Test func aGrantSaysWhatWasSigned() throws {
        let key = try GrantSigningKey.generate()
        let text = try key.sign(grant)
        #expect(try key.publicKey.verify(text, now: Timestamp(microseconds: 1_000_000)) == grant)
        #expect(GrantPublicKey(text: key.publicKey.text) == key.publicKey)
    }

    @Test func aGrantToFetchAheadIsNobodysBoot() throws {
        let key = try GrantSigningKey.generate()
        let now = Timestamp.now()
        let grant = Grant(image: .random(), server: nil, host: "compute-1.tunis", hostKey: "k", expiresAt: now + .seconds(60))
        #expect(try key.publicKey.verify(try key.sign(grant), now: now) == grant)
    }

    @Test func anExpiredOneIsRefused() throws {
        let key = try GrantSigningKey.generate()
        let text = try key.sign(grant)
        #expect(throws: CloudError.self) { try key.publicKey.verify(text, now: Timestamp(microseconds: 2_000_000)) }
    }

    @Test func noByteCanBeChangedAndNoOtherKeySigns() throws {
        let key = try GrantSigningKey.generate()
        let bytes = try #require(Base64.decoded(try key.sign(grant)))
        for index in bytes.indices {
            var forged = bytes
            forged[index] ^= 1
            #expect(throws: CloudError.self) {
                try key.publicKey.verify(Base64.urlEncoded(forged), now: Timestamp(microseconds: 0))
            }
        }
        let other = try GrantSigningKey.generate().sign(grant)
        #expect(throws: CloudError.self) { try key.publicKey.verify(other, now: Timestamp(microseconds: 0)) }
        #expect(throws: CloudError.self) { try key.publicKey.verify("", now: Timestamp(microseconds: 0)) }
    }

    @Test func theFirstVectorOfRFC8032() throws {
        let seed: [UInt8] = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5,
            0x69, 0x7b,
            0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
        ]
        let key = try GrantSigningKey(seed: seed)
        #expect(key.publicKey.bytes.hex == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        let expected =
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        #expect(try key.sign([]).hex == expected)
    }

    @Test func aKeyFileIsPrivateAndNeverOverwritten() throws {
        let file = NSTemporaryDirectory() + "meridian-grant-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let key = try GrantSigningKey.generate()
        try key.write(to: file)
        #expect(try GrantSigningKey(file: file).publicKey == key.publicKey)
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
        #expect(throws: CloudError.self) { try key.write(to: file) }
    }
}
