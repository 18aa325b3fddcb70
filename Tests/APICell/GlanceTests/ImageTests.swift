import APIConventions
import CloudModel
import CloudTestKit
import Database
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing
import Tokens

@testable import Glance

@Suite struct ImageTests {
    @Test func withoutAGoodTokenNothingIsSaid() async throws {
        try await withGlanceAPI { _, client async throws in
            #expect(try await client.ask(.get, "/v2/images", as: nil).status == .unauthorized)
            #expect(try await client.ask(.get, "/v2/images", as: "forged").status == .unauthorized)
            #expect(try await client.ask(.get, "/v2/images/x/file", as: nil).status == .notFound)
            #expect(try await client.ask(.get, "/v2/images/\(ImageID.random())/file", as: nil).status == .unauthorized)
        }
    }

    @Test func aDatabaseThatCantBeReachedIsNotTheClientsFault() async throws {
        let address = DatabaseAddress(conninfo: "host=/nonexistent user=nobody dbname=none")
        var limits = PoolLimits(connections: 1)
        limits.acquireTimeout = .milliseconds(300)
        let database = Database(address, pool: limits, logger: .silent)
        let directory = NSTemporaryDirectory() + "/meridian-glance-\(UUID().lowercased)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let key = try GrantSigningKey.generate()
        let service = try GlanceService(database: database, store: directory, grantKey: key.publicKey, logger: .silent)
        let glance = Glances(service: service, database: database, directory: directory, signingKey: key)
        try await Application(router: glance.router, logger: .silent).test(.router) { client async throws in
            let answer = try await client.ask(.get, "/v2/images")
            #expect(answer.status == .serviceUnavailable)
            #expect(answer.headers[.retryAfter] == "5")
        }
        await database.close()
    }

    @Test func theVersionsAreToldToEverybody() async throws {
        try await withGlanceAPI { _, client async throws in
            let root = try await client.ask(.get, "/", as: nil)
            #expect(root.status == .multipleChoices)
            #expect(root.json["versions"]?.array?.first?["status"]?.string == "CURRENT")
            #expect(try await client.ask(.get, "/versions", as: nil).status == .ok)
        }
    }

    @Test func whatIsNotServedYetSaysSo() async throws {
        try await withGlanceAPI { _, client async throws in
            for path in ["tasks", "tasks/1", "metadefs/namespaces", "metadefs/namespaces/x/objects", "info/stores"] {
                #expect(try await client.ask(.get, "/v2/\(path)").status == .notImplemented, "\(path)")
            }
            let image = "/v2/images/\(ImageID.random())"
            #expect(try await client.ask(.put, "\(image)/stage").status == .notImplemented)
            #expect(try await client.ask(.post, "\(image)/import").status == .notImplemented)
            #expect(try await client.ask(.get, "/v2/tasks", as: nil).status == .unauthorized)
            #expect(try await client.ask(.get, "/v2/nonsense").status == .notFound)
        }
    }

    @Test func schemasAreTold() async throws {
        try await withGlanceAPI { _, client async throws in
            for name in ["image", "images", "member", "members"] {
                #expect(try await client.ask(.get, "/v2/schemas/\(name)").json["name"]?.string == name)
            }
        }
    }

    @Test func aNewImageIsQueuedAndItsOwners() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created(more: #", "os_distro": "debian", "min_ram": 64, "tags": ["b", "a", "b"]"#)
            let image = try await client.ask(.get, "/v2/images/\(id)").json
            #expect(image["status"]?.string == "queued")
            #expect(image["owner"]?.string == "project-a")
            #expect(image["visibility"]?.string == "shared")
            #expect(image["os_distro"]?.string == "debian")
            #expect(image["min_ram"]?.int == 64)
            #expect(image["tags"] == ["a", "b"])
            #expect(image["size"] == .null)
            #expect(image["file"]?.string == "/v2/images/\(id)/file")
            #expect(image["created_at"]?.string?.count == 20)
        }
    }

    @Test(arguments: [
        (#"{"disk_format": "floppy"}"#, HTTPResponse.Status.badRequest), (#"{"container_format": "box"}"#, .badRequest),
        (#"{"min_disk": -1}"#, .badRequest), (#"{"min_ram": "much"}"#, .badRequest), (#"{"name": 5}"#, .badRequest),
        (#"{"tags": "a"}"#, .badRequest), (#"{"os_distro": 5}"#, .badRequest), (#"{"status": "active"}"#, .forbidden),
        (#"{"visibility": "public"}"#, .forbidden), (#"{"owner": "project-b"}"#, .forbidden),
        (#"{"locations": []}"#, .forbidden),
        (#"{"visibility": "hidden"}"#, .badRequest), (#"[1]"#, .badRequest), (#"{"name""#, .badRequest), ("", .badRequest),
        (#"{"id": "not a uuid"}"#, .badRequest),
    ])
    func anImageThatCantBeIsRefused(_ body: String, _ status: HTTPResponse.Status) async throws {
        try await withGlanceAPI { _, client async throws in
            #expect(try await client.ask(.post, "/v2/images", json: body).status == status)
            #expect(try await client.ask(.get, "/v2/images").json["images"] == [])
        }
    }

    @Test func anIDIsUsedOnce() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created()
            #expect(try await client.ask(.post, "/v2/images", json: #"{"id": "\#(id)"}"#).status == .conflict)
            #expect(try await client.ask(.delete, "/v2/images/\(id)").status == .noContent)
            #expect(try await client.ask(.post, "/v2/images", json: #"{"id": "\#(id)"}"#).status == .conflict)
        }
    }

    @Test func readersLookAndChangeNothing() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created()
            #expect(try await client.ask(.get, "/v2/images/\(id)", as: "reader").status == .ok)
            #expect(try await client.ask(.post, "/v2/images", as: "reader", json: #"{"name": "x"}"#).status == .forbidden)
            #expect(try await client.ask(.delete, "/v2/images/\(id)", as: "reader").status == .forbidden)
        }
    }

    @Test func anotherProjectsPrivateImageDoesNotExist() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.uploaded(bytes(10), more: #", "visibility": "private""#)
            #expect(try await client.ask(.get, "/v2/images/\(id)", as: "bob").status == .notFound)
            #expect(try await client.ask(.get, "/v2/images/\(id)/file", as: "bob").status == .notFound)
            #expect(try await client.ask(.delete, "/v2/images/\(id)", as: "bob").status == .notFound)
            #expect(try await client.patch(id, "[]", as: "bob").status == .notFound)
            #expect(try await client.ask(.put, "/v2/images/\(id)/tags/x", as: "bob").status == .notFound)
            #expect(try await client.ask(.get, "/v2/images", as: "bob").json["images"] == [])
        }
    }

    @Test func aPublicImageIsSeenByAllAndChangedByItsOwner() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created(as: "admin", more: #", "visibility": "public""#)
            #expect(try await client.ask(.get, "/v2/images/\(id)", as: "bob").status == .ok)
            #expect(try await client.ask(.get, "/v2/images", as: "bob").json["images"]?.array?.count == 1)
            #expect(try await client.ask(.delete, "/v2/images/\(id)", as: "bob").status == .forbidden)
        }
    }

    @Test func aDeletedImageIsGone() async throws {
        try await withGlanceAPI { glance, client in
            let id = try await client.uploaded(bytes(10))
            #expect(try await client.ask(.delete, "/v2/images/\(id)").status == .noContent)
            #expect(try await client.ask(.get, "/v2/images/\(id)").status == .notFound)
            #expect(try await client.ask(.delete, "/v2/images/\(id)").status == .notFound)
            #expect(glance.files == [])
        }
    }

    @Test func aProtectedImageStays() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created(more: #", "protected": true"#)
            #expect(try await client.ask(.delete, "/v2/images/\(id)").status == .forbidden)
            #expect(try await client.patch(id, #"[{"op": "replace", "path": "/protected", "value": false}]"#).status == .ok)
            #expect(try await client.ask(.delete, "/v2/images/\(id)").status == .noContent)
        }
    }

    @Test func anImageWithoutAnIDIsNotTheList() async throws {
        try await withGlanceAPI { _, client async throws in
            #expect(try await client.ask(.get, "/v2/images/").status == .notFound)
            #expect(try await client.ask(.delete, "/v2/images/").status == .notFound)
        }
    }

    @Test func aPatchMakesAllItsChangesOrNone() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created(more: #", "os_distro": "debian""#)
            let changed = try await client.patch(
                id,
                #"""
                [{"op": "replace", "path": "/name", "value": "renamed"}, {"op": "add", "path": "/os_version", "value": "12"},
                 {"op": "remove", "path": "/os_distro"}, {"op": "replace", "path": "/tags", "value": ["x"]}]
                """#)
            #expect(changed.status == .ok)
            #expect(changed.json["name"]?.string == "renamed")
            #expect(changed.json["os_version"]?.string == "12")
            #expect(changed.json["os_distro"] == nil)
            #expect(changed.json["tags"] == ["x"])
            let refused = try await client.patch(
                id, #"[{"op": "replace", "path": "/name", "value": "again"}, {"op": "remove", "path": "/nothing"}]"#)
            #expect(refused.status == .conflict)
            #expect(try await client.ask(.get, "/v2/images/\(id)").json["name"]?.string == "renamed")
        }
    }

    @Test(arguments: [
        (#"[{"op": "replace", "path": "/status", "value": "active"}]"#, HTTPResponse.Status.forbidden),
        (#"[{"op": "replace", "path": "/visibility", "value": "public"}]"#, .forbidden),
        (#"[{"op": "remove", "path": "/name"}]"#, .forbidden),
        (#"[{"op": "replace", "path": "/nothing", "value": "x"}]"#, .conflict),
        (#"[{"op": "remove", "path": "/nothing"}]"#, .conflict), (#"[{"op": "move", "path": "/name"}]"#, .badRequest),
        (#"[{"op": "replace", "path": "name", "value": "x"}]"#, .badRequest),
        (#"[{"op": "replace", "path": "/name"}]"#, .badRequest),
        (#"[{"op": "add", "path": "/a/b", "value": "x"}]"#, .badRequest), (#"{"op": "add"}"#, .badRequest),
        ("nonsense", .badRequest),
        (#"[{"op": "add", "path": "/a~2b", "value": "x"}]"#, .badRequest),
    ])
    func aPatchThatCantBeIsRefused(_ body: String, _ status: HTTPResponse.Status) async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created()
            #expect(try await client.patch(id, body).status == status)
        }
    }

    @Test func theOlderFormOfAPatchIsUnderstood() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created()
            let older: HTTPFields = [.contentType: ImagePatch.olderMediaType]
            let path = "/v2/images/\(id)"
            let changed = try await client.ask(.patch, path, older, json: #"[{"replace": "/name", "value": "renamed"}]"#)
            #expect(changed.json["name"]?.string == "renamed")
            #expect(try await client.ask(.patch, path, older, json: #"[{"add": "/name", "value": "x"}]"#).status == .conflict)
            #expect(try await client.ask(.patch, path, older, json: #"[{"op": "add", "path": "/x"}]"#).status == .badRequest)
            let reserved = #"[{"add": "/os_glance_foo", "value": "x"}]"#
            #expect(try await client.ask(.patch, path, older, json: reserved).status == .forbidden)
        }
    }

    @Test func aPatchOfAnotherTypeIsRefused() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created()
            #expect(try await client.ask(.patch, "/v2/images/\(id)", json: "[]").status == .unsupportedMediaType)
        }
    }

    @Test func theFormatOfAnImageWithDataStays() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.uploaded(bytes(10))
            let refused = try await client.patch(id, #"[{"op": "replace", "path": "/disk_format", "value": "qcow2"}]"#)
            #expect(refused.status == .forbidden)
        }
    }

    @Test func tagsComeAndGo() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.created()
            for _ in 0..<2 { #expect(try await client.ask(.put, "/v2/images/\(id)/tags/blue").status == .noContent) }
            #expect(try await client.ask(.get, "/v2/images/\(id)").json["tags"] == ["blue"])
            #expect(try await client.ask(.delete, "/v2/images/\(id)/tags/blue").status == .noContent)
            #expect(try await client.ask(.delete, "/v2/images/\(id)/tags/blue").status == .notFound)
            #expect(try await client.ask(.put, "/v2/images/\(ImageID.random())/tags/x").status == .notFound)
        }
    }

    @Test func aSharedImageIsSeenByItsMembersOnceTheyAccept() async throws {
        try await withGlanceAPI { _, client async throws in
            let id = try await client.uploaded(bytes(10))
            #expect(try await client.ask(.get, "/v2/images/\(id)", as: "bob").status == .notFound)
            let added = try await client.ask(.post, "/v2/images/\(id)/members", json: #"{"member": "project-b"}"#)
            #expect(added.json["status"]?.string == "pending")
            #expect(try await client.ask(.get, "/v2/images/\(id)/file", as: "bob").body == bytes(10))
            #expect(try await client.ask(.get, "/v2/images", as: "bob").json["images"] == [])
            let path = "/v2/images/\(id)/members/project-b"
            #expect(try await client.ask(.put, path, json: #"{"status": "accepted"}"#).status == .forbidden)
            #expect(try await client.ask(.put, path, as: "bob", json: #"{"status": "accepted"}"#).status == .ok)
            #expect(try await client.ask(.get, "/v2/images", as: "bob").json["images"]?.array?.count == 1)
            #expect(try await client.ask(.delete, path).status == .noContent)
            #expect(try await client.ask(.get, "/v2/images/\(id)", as: "bob").status == .notFound)
        }
    }
}
