import Testing
import Tokens

@Suite struct DigestTests {
    @Test func digestsOfAbcInPieces() {
        let sha512 = SHA512Digest()
        let sha256 = SHA256Digest()
        let md5 = MD5Digest()
        for piece in ["a", "bc"] {
            Array(piece.utf8).withUnsafeBytes {
                sha512.update($0)
                sha256.update($0)
                md5.update($0)
            }
        }
        #expect(
            sha512.finalize()
                == "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        )
        #expect(sha256.finalize() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(md5.finalize() == "900150983cd24fb0d6963f7d28e17f72")
        #expect(SHA256Digest.hex(of: Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test(arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar"]) func base64GoesThereAndBack(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(Base64.decoded(Base64.urlEncoded(bytes)) == bytes)
        #expect(Base64.decoded(Base64.urlEncoded(bytes, padded: true)) == bytes)
        #expect(Base64.decoded(Base64.standardEncoded(bytes)) == bytes)
    }

    @Test func base64ThatIsNotCanonicalIsRefused() {
        #expect(Base64.urlEncoded([0xFB, 0xFF]) == "-_8")
        for text in ["A", "AB=C", "AA===", "A\n==", "AB"] { #expect(Base64.decoded(text) == nil) }
        #expect(Base64.decoded("AA==") == [0])
    }

    @Test func comparingInConstantTimeIsStillComparing() {
        #expect(isEqualInConstantTime([1, 2], [1, 2]))
        #expect(!isEqualInConstantTime([1, 2], [1, 3]))
        #expect(!isEqualInConstantTime([1, 2], [1]))
    }
}
