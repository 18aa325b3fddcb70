import APIConventions
import CloudModel
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing
import Tokens

@testable import Glance

@Suite struct ImageDataTests {
    @Test func whatIsUploadedIsWhatIsDownloaded() async throws {
        try await withGlanceAPI { glance, client in
            let data = bytes(3_500_001)
            let id = try await client.uploaded(data)
            let image = try await client.ask(.get, "/v2/images/\(id)").json
            #expect(image["status"]?.string == "active")
            #expect(image["size"]?.int == 3_500_001)
            #expect(image["os_hash_algo"]?.string == "sha512")
            #expect(image["os_hash_value"]?.string == SHA512Digest.hex(of: data.readableBytesView))
            #expect(image["checksum"]?.string == MD5Digest.hex(of: data.readableBytesView))
            let answer = try await client.ask(.get, "/v2/images/\(id)/file")
            #expect(answer.status == .ok)
            #expect(answer.body == data)
            #expect(glance.files == [id])
        }
    }

    @Test func anEmptyImageIsAnImage() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.uploaded(ByteBuffer())
            #expect(try await client.status(id) == "active")
            #expect(try await client.ask(.get, "/v2/images/\(id)/file").body.readableBytes == 0)
        }
    }

    @Test func aRangeIsSentAloneAndOneOutsideIsRefused() async throws {
        try await withGlanceAPI { _, client async throws in
            let data = bytes(1_000_000)
            let id = try await client.uploaded(data)
            let part = try await client.ask(.get, "/v2/images/\(id)/file", [.range: "bytes=1000-1999"])
            #expect(part.status == .partialContent)
            #expect(part.headers[.contentRange] == "bytes 1000-1999/1000000")
            #expect(part.body == data.getSlice(at: 1000, length: 1000))
            let tail = try await client.ask(.get, "/v2/images/\(id)/file", [.range: "bytes=-10"])
            #expect(tail.body == data.getSlice(at: 999_990, length: 10))
            let outside = try await client.ask(.get, "/v2/images/\(id)/file", [.range: "bytes=1000000-"])
            #expect(outside.status == .rangeNotSatisfiable)
        }
    }

    @Test func anImageWithoutDataAnswers204() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created()
            #expect(try await client.ask(.get, "/v2/images/\(id)/file").status == .noContent)
        }
    }

    @Test func onlyAQueuedImageTakesData() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.uploaded(bytes(100))
            #expect(try await client.ask(.put, "/v2/images/\(id)/file", octets, bytes: bytes(10)).status == .conflict)
            #expect(try await client.status(id) == "active")
            #expect(try await client.ask(.get, "/v2/images/\(id)/file").body == bytes(100))
        }
    }

    @Test func formatsMustBeKnownBeforeDataComes() async throws {
        try await withGlanceAPI { _, client async throws in
            let response = try await client.ask(.post, "/v2/images", json: #"{"name": "bare"}"#)
            let id = try #require(response.json["id"]?.string)
            let refused = try await client.ask(.put, "/v2/images/\(id)/file", octets, bytes: bytes(10))
            #expect(refused.status == .badRequest)
            #expect(refused.text.contains("container_format, disk_format"))
            #expect(try await client.status(id) == "queued")
        }
    }

    @Test func dataOfAnotherTypeIsRefused() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created()
            let refused = try await client.ask(.put, "/v2/images/\(id)/file", [.contentType: "text/plain"], bytes: bytes(10))
            #expect(refused.status == .unsupportedMediaType)
        }
    }

    @Test func anImageOverTheLimitIsRefusedAndLeavesNothing() async throws {
        var limits = GlanceLimits()
        limits.imageSize = 1_000
        try await withGlanceAPI(limits: limits) { glance, client in
            let id = try await client.created()
            let refused = try await client.ask(.put, "/v2/images/\(id)/file", octets, bytes: bytes(2_000))
            #expect(refused.status == .contentTooLarge)
            #expect(try await client.status(id) == "queued")  // it said so before it sent anything
            #expect(glance.files == [])
        }
    }

    @Test func dataThatIsNotWhatWasPromisedKillsTheImage() async throws {
        try await withGlanceAPI { glance, client in
            let id = try await client.created()
            var headers = octets
            headers[.contentMD5] = MD5Digest.hex(of: [1, 2, 3])
            let refused = try await client.ask(.put, "/v2/images/\(id)/file", headers, bytes: bytes(100))
            #expect(refused.status == .badRequest)
            #expect(try await client.status(id) == "killed")
            #expect(glance.files == [])
        }
    }

    @Test func aDeactivatedImageIsNotSent() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.uploaded(bytes(100))
            let actions = "/v2/images/\(id)/actions"
            #expect(try await client.ask(.post, "\(actions)/deactivate").status == .noContent)
            #expect(try await client.status(id) == "deactivated")
            #expect(try await client.ask(.get, "/v2/images/\(id)/file").status == .forbidden)
            #expect(try await client.ask(.get, "/v2/images/\(id)/file", as: "admin").status == .ok)
            #expect(try await client.ask(.post, "\(actions)/reactivate").status == .noContent)
            #expect(try await client.ask(.get, "/v2/images/\(id)/file").body == bytes(100))
            let queued = try await client.created()
            #expect(try await client.ask(.post, "/v2/images/\(queued)/actions/deactivate").status == .forbidden)
        }
    }

    @Test func aGrantFetchesItsImageWithoutAToken() async throws {
        try await withGlanceAPI { glance, client in
            let data = bytes(10_000)
            let id = try await client.uploaded(data)
            let other = try await client.uploaded(bytes(10), "other")
            let host = try HostImageKey.generate()
            func grant(_ image: String, _ key: GrantSigningKey, for seconds: Int = 60) throws -> HTTPFields {
                let grant = Grant(
                    image: try #require(ImageID(image)), server: .random(), host: "compute-1.tunis", hostKey: host.publicText,
                    expiresAt: .now() + .seconds(seconds))
                let text = try key.sign(grant)
                let request = ImageRequest(method: "GET", path: "/v2/images/\(id)/file", range: nil)
                return [.meridianGrant: text, .meridianProof: try host.prove(request, with: text)]
            }
            let key = glance.signingKey
            let good = try await client.ask(.get, "/v2/images/\(id)/file", as: nil, try grant(id, key))
            #expect(good.status == .ok)
            #expect(good.body == data)
            #expect(
                try good.headers[.reprDigest].flatMap(DigestField.sha512) == SHA512Digest.hex(of: Array(data.readableBytesView))
            )
            let forAnother = try await client.ask(.get, "/v2/images/\(id)/file", as: nil, try grant(other, key))
            #expect(forAnother.status == .unauthorized)
            let expired = try await client.ask(.get, "/v2/images/\(id)/file", as: nil, try grant(id, key, for: -1))
            #expect(expired.status == .unauthorized)
            let forged = try await client.ask(.get, "/v2/images/\(id)/file", as: nil, try grant(id, try .generate()))
            #expect(forged.status == .unauthorized)
            #expect(try await client.ask(.delete, "/v2/images/\(id)").status == .noContent)
            let gone = try await client.ask(.get, "/v2/images/\(id)/file", as: nil, try grant(id, key))
            #expect(gone.status == .gone)
        }
    }

    @Test func theKeyThatVerifiesGrantsIsToldToAnybody() async throws {
        try await withGlanceAPI { glance, client in
            let answer = try await client.ask(.get, "/meridian/v1/grant-key", as: nil)
            #expect(answer.status == .ok)
            #expect(answer.json["grant_key"]?["public_key"]?.string == glance.signingKey.publicKey.text)
        }
    }

    @Test func aStolenGrantFetchesNothing() async throws {
        try await withGlanceAPI { glance, client in
            let data = bytes(10_000)
            let id = try await client.uploaded(data)
            let path = "/v2/images/\(id)/file"
            let host = try HostImageKey.generate()
            func grant(boundTo key: String) throws -> String {
                try glance.signingKey.sign(
                    Grant(
                        image: try #require(ImageID(id)), server: .random(), host: "compute-1.tunis", hostKey: key,
                        expiresAt: .now() + .seconds(60)))
            }
            func proof(_ text: String, _ key: HostImageKey, range: String? = nil) throws -> String {
                try key.prove(ImageRequest(method: "GET", path: path, range: range), with: text)
            }
            let text = try grant(boundTo: host.publicText)
            let alone = try await client.ask(.get, path, as: nil, [.meridianGrant: text])
            #expect(alone.status == .unauthorized)
            let thiefs = try proof(text, try .generate())
            #expect(
                try await client.ask(.get, path, as: nil, [.meridianGrant: text, .meridianProof: thiefs]).status
                    == .unauthorized)
            // The host's own request, overheard: once it counts, and for what it asked.
            let overheard: HTTPFields = [.meridianGrant: text, .meridianProof: try proof(text, host), .range: "bytes=0-9"]
            #expect(try await client.ask(.get, path, as: nil, overheard).status == .unauthorized, "signed for the whole image")
            let ranged: HTTPFields = [
                .meridianGrant: text, .meridianProof: try proof(text, host, range: "bytes=0-9"), .range: "bytes=0-9",
            ]
            #expect(try await client.ask(.get, path, as: nil, ranged).status == .partialContent)
            #expect(try await client.ask(.get, path, as: nil, ranged).status == .unauthorized, "the same proof twice")
            // The host itself may come again, with another proof.
            let again = try await client.ask(
                .get, path, as: nil, [.meridianGrant: text, .meridianProof: try proof(text, host)])
            #expect(again.body == data)
            let unbound = try grant(boundTo: "")
            let nobodys = try await client.ask(
                .get, path, as: nil, [.meridianGrant: unbound, .meridianProof: try proof(unbound, host)])
            #expect(nobodys.status == .unauthorized)
        }
    }
}
