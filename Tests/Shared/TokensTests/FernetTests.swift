import CloudModel
import Foundation
import Testing

@testable import Tokens

/// The vectors of github.com/fernet/spec: generate.json, verify.json, invalid.json.
@Suite struct FernetTests {
    let key = FernetKey(text: "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")
    let token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="

    @Test func generatesTheVectorOfTheSpecification() throws {
        let made = try #require(key).seal(Array("hello".utf8), seconds: 499_162_800, iv: Array(0..<16))
        #expect(made + "==" == token)
    }

    @Test func opensTheVectorWithAndWithoutPadding() throws {
        let key = try #require(key)
        for text in [token, String(token.dropLast(2))] {
            let sealed = try #require(SealedToken(text))
            #expect(sealed.seconds == 499_162_800)
            #expect(key.open(sealed) == Array("hello".utf8))
        }
    }

    @Test(arguments: [
        // wrong last bits
        "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDB==",
        // too short
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==",
        // not base64
        "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
        // one byte more
        "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDAA",
        // another version
        "gQAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
        "",
    ]) func refusesWhatIsNotAToken(_ text: String) throws {
        let key = try #require(key)
        #expect(SealedToken(text).flatMap { key.open($0) } == nil)
    }

    @Test func refusesAWrongSignatureAndAWrongPadding() throws {
        let key = try #require(key)
        var bytes = try #require(Base64.decoded(token))
        bytes[bytes.count - 1] ^= 1
        #expect(SealedToken(Base64.urlEncoded(bytes)).flatMap { key.open($0) } == nil)
        let paddingBroken =
            "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0O8C021cpGVWKZ_eEwCGM4BLJjk7SVRSKkl82M9Enr67_J0Gf_hYWzj2hTD1t5_90gaA=="
        #expect(SealedToken(paddingBroken).flatMap { key.open($0) } == nil)
    }

    @Test func everyBitOfATokenIsCoveredByTheSignature() throws {
        let key = FernetKey.generate()
        let bytes = try #require(Base64.decoded(key.seal(Array("a message".utf8), seconds: 1)))
        for index in bytes.indices {
            var forged = bytes
            forged[index] ^= 0x10
            #expect(SealedToken(Base64.urlEncoded(forged)).flatMap { key.open($0) } == nil)
        }
    }

    @Test func aPayloadSurvivesTheRoundTripAndIsSmall() throws {
        for scope: TokenPayload.Scope in [.unscoped, .project("0123456789abcdef0123456789abcdef"), .domain("default"), .system]
        {
            let payload = TokenPayload(
                userID: "fedcba9876543210fedcba9876543210", scope: scope, methods: [.password, .token],
                issuedAt: Timestamp(microseconds: 1_700_000_000_000_001),
                expiresAt: Timestamp(microseconds: 1_700_003_600_000_001),
                auditIDs: [TokenPayload.newAuditID(), TokenPayload.newAuditID()])
            let bytes = payload.encoded
            #expect(TokenPayload(decoding: bytes) == payload)
            #expect(FernetKey.generate().seal(bytes, seconds: 1).count <= 255)
            for count in bytes.indices { #expect(TokenPayload(decoding: Array(bytes[..<count])) == nil) }
            #expect(TokenPayload(decoding: bytes + [0]) == nil)
        }
    }
}
