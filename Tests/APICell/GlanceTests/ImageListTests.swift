import APIConventions
import CloudModel
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@testable import Glance

@Suite struct ImageListTests {
    /// What regions and hosts are told of: nothing that any project couldn't boot.
    @Test func publicImagesAreThoseThatEverybodyMayBoot() async throws {
        try await withGlanceAPI { glance, client async throws in
            let images = PublicImages(database: glance.database)
            let older = try await client.uploaded(bytes(100), "older", as: "admin", more: #", "visibility": "public""#)
            let newer = try await client.uploaded(bytes(100), "newer", as: "admin", more: #", "visibility": "public""#)
            _ = try await client.uploaded(bytes(100), "shared", as: "admin")
            _ = try await client.uploaded(
                bytes(100), "hidden", as: "admin", more: #", "visibility": "public", "os_hidden": true"#)
            _ = try await client.created("waiting", as: "admin", more: #", "visibility": "public""#)
            let closed = try await client.uploaded(bytes(100), "closed", as: "admin", more: #", "visibility": "public""#)
            _ = try await client.ask(.post, "/v2/images/\(closed)/actions/deactivate", as: "admin")
            #expect(try await images.newest(atMost: 9).map(\.name) == ["newer", "older"])
            #expect(try await images.newest(atMost: 1).map { "\($0.id)" } == [newer])
            #expect(try await images.image(#require(ImageID(older)))?.name == "older")
            #expect(try await images.image(#require(ImageID(closed))) == nil)
        }
    }

    @Test func filtersNarrowTheList() async throws {
        try await withGlanceAPI { _, client async throws in
            let small = try await client.uploaded(bytes(100), "small", more: #", "os_distro": "debian", "tags": ["a", "b"]"#)
            let large = try await client.uploaded(bytes(5_000), "large", more: #", "min_ram": 128"#)
            let queued = try await client.created("waiting", more: #", "visibility": "private""#)
            func names(_ query: String, as token: String = "alice") async throws -> [String] {
                let response = try await client.ask(.get, "/v2/images?\(query)", as: token)
                #expect(response.status == .ok, "\(query): \(response.text)")
                return (response.json["images"]?.array ?? []).compactMap { $0["name"]?.string }
            }
            #expect(try await names("") == ["waiting", "large", "small"])
            #expect(try await names("name=small") == ["small"])
            #expect(try await names("name=in:small,large&sort=name:asc") == ["large", "small"])
            #expect(try await names("id=in:\(small),\(large)&sort_key=size&sort_dir=asc") == ["small", "large"])
            #expect(try await names("status=queued") == ["waiting"])
            #expect(try await names("status=nonsense") == [])
            #expect(try await names("size_min=200") == ["large"])
            #expect(try await names("size_max=200") == ["small"])
            #expect(try await names("size=100") == ["small"])
            #expect(try await names("min_ram=128") == ["large"])
            #expect(try await names("tag=a&tag=b") == ["small"])
            #expect(try await names("tag=a&tag=c") == [])
            #expect(try await names("os_distro=debian") == ["small"])
            #expect(try await names("visibility=private") == ["waiting"])
            #expect(try await names("disk_format=raw&container_format=bare").count == 3)
            #expect(try await names("owner=project-a").count == 3)
            #expect(try await names("created_at=gte:2020-01-01T00:00:00Z").count == 3)
            #expect(try await names("created_at=lt:2020-01-01T00:00:00Z") == [])
            #expect(try await names("protected=true") == [])
            #expect(try await names("", as: "bob") == [])
            #expect(try await names("", as: "admin").count == 3)
            #expect(!queued.isEmpty)
        }
    }

    @Test(arguments: [
        "limit=-1", "limit=x", "marker=x", "sort_key=nonsense", "sort_dir=up", "visibility=x", "size_min=x", "protected=x",
        "created_at=yesterday", "sort=name:asc&sort_key=size", "marker=4a5c3a52-0000-4000-8000-000000000000",
    ])
    func aQueryThatCantBeIsRefused(_ query: String) async throws {
        try await withGlanceAPI { _, client async throws in
            #expect(try await client.ask(.get, "/v2/images?\(query)").status == .badRequest)
        }
    }

    @Test(arguments: ["", "&sort_key=name&sort_dir=asc", "&sort=size:desc,name:asc"])
    func pagesFollowTheirLinksToTheEnd(_ sort: String) async throws {
        try await withGlanceAPI { _, client async throws in
            for number in 0..<7 { _ = try await client.created("image-\(number % 3)") }
            var link: String? = "/v2/images?limit=3\(sort)"
            var seen: [String] = []
            while let path = link {
                let page = try await client.ask(.get, path).json
                let images = page["images"]?.array ?? []
                seen += images.compactMap { $0["id"]?.string }
                #expect(images.count <= 3)
                link = page["next"]?.string
            }
            #expect(seen.count == 7)
            #expect(Set(seen).count == 7)
        }
    }
}
