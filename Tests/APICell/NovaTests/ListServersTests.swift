import APIConventions
import CloudModel
import Database
import HTTPTypes
import Testing

@testable import Nova

@Suite struct ListServersTests {
    private func names(_ answer: NovaFixture.Answer) -> [String] {
        answer.json["servers"]?.array?.compactMap { $0["name"]?.string } ?? []
    }

    @Test func aListIsNewestFirstAndPagedByMarker() async throws {
        try await NovaFixture.with { cloud async throws in
            for number in 1...5 { _ = try await cloud.create("s\(number)") }
            let all = try await cloud.call(.get, "/v2.1/servers")
            #expect(names(all) == ["s5", "s4", "s3", "s2", "s1"])
            #expect(all.json["servers_links"] == nil)
            let page = try await cloud.call(.get, "/v2.1/servers/detail?limit=2")
            #expect(names(page) == ["s5", "s4"])
            let next = try #require(page.json["servers_links"]?.array?.first?["href"]?.string)
            #expect(next.hasPrefix("http://compute.test:8774/v2.1/servers/detail?limit=2&marker="))
            let second = try await cloud.call(.get, String(next.dropFirst("http://compute.test:8774".count)))
            #expect(names(second) == ["s3", "s2"])
            #expect(try await cloud.call(.get, "/v2.1/servers?marker=\(ServerID.random())").status == 400)
            #expect(try await cloud.call(.get, "/v2.1/servers?limit=-1").status == 400)
            #expect(try await cloud.call(.get, "/v2.1/servers?limit=abc").status == 400)
            #expect(names(try await cloud.call(.get, "/v2.1/servers?limit=100000")).count == 5)
            #expect(names(try await cloud.call(.get, "/v2.1/servers?limit=0")).isEmpty)
            #expect(
                names(try await cloud.call(.get, "/v2.1/servers?sort_key=display_name&sort_dir=asc&limit=2")) == ["s1", "s2"])
            #expect(try await cloud.call(.get, "/v2.1/servers?sort_key=colour").status == 400)
        }
    }

    @Test func everySortOrderPagesWithoutLossOrRepetition() async throws {
        try await NovaFixture.with { cloud async throws in
            for number in 1...7 {
                _ = number % 2 == 0 ? try await cloud.active("same") : try await cloud.create("other-\(number % 3)")
            }
            for key in ServerFilter.Key.allCases {
                for direction in ["asc", "desc"] {
                    var seen: [String] = []
                    var path = "/v2.1/servers?sort_key=\(key.rawValue)&sort_dir=\(direction)&limit=2"
                    while true {
                        let answer = try await cloud.call(.get, path)
                        try #require(answer.status == 200, "\(key) \(answer.text)")
                        seen += answer.json["servers"]?.array?.compactMap { $0["id"]?.string } ?? []
                        guard let next = answer.json["servers_links"]?.array?.first?["href"]?.string else { break }
                        path = String(next.dropFirst("http://compute.test:8774".count))
                    }
                    #expect(seen.count == 7 && Set(seen).count == 7, "\(key) \(direction)")
                }
            }
        }
    }

    @Test func aPatternThatWouldTakeForEverIsRefused() async throws {
        try await NovaFixture.with { cloud async throws in
            _ = try await cloud.create(String(repeating: "a", count: 255))
            for pattern in ["(a)%5C1", "(a*)*%5C9", "%5C%5C%5C2"] {
                let answer = try await cloud.call(.get, "/v2.1/servers?name=\(pattern)")
                #expect(answer.status == 400, "\(pattern)")
                #expect(answer.message.contains("may not refer back"))
            }
            #expect(names(try await cloud.call(.get, "/v2.1/servers?name=%5Ea%7B255%7D$")).count == 1)
            // An escaped backslash before a digit is none.
            #expect(try await cloud.call(.get, "/v2.1/servers?name=%5C%5C1").status == 200)
            // Nor may one without keep a connection for longer than a second.
            let nested = "((((a%7B1,99%7D)%7B1,99%7D)%7B1,99%7D)%7B1,99%7D)%7B1,99%7Db"
            let began = ContinuousClock.now
            #expect(try await cloud.call(.get, "/v2.1/servers?name=\(nested)").status == 400)
            #expect(began.duration(to: .now) < .seconds(20))
        }
    }

    @Test func filtersMeanWhatTheyMeanInNova() async throws {
        try await NovaFixture.with { cloud async throws in
            let active = try await cloud.active("web-1", ["metadata": ["a": "b"]])
            _ = try await cloud.create("web-2", ["flavorRef": "2"])
            let gone = try await cloud.active("old")
            try await cloud.database.query(
                "UPDATE compute.servers SET deleted_at = now(), vm_state = 'deleted' WHERE id = \(gone)")
            let expectations: [(String, [String])] = [
                ("name=web", ["web-2", "web-1"]), ("name=web-1", ["web-1"]), ("name=%5Eeb", []),
                ("name=b-.", ["web-2", "web-1"]),
                ("status=ACTIVE", ["web-1"]), ("status=active", ["web-1"]), ("status=BUILD", ["web-2"]),
                ("status=nonsense", []),
                ("status=ERROR", []), ("flavor=2", ["web-2"]), ("flavor=1", ["web-1"]), ("flavor=999", []),
                ("image=\(FakeImages.active)", ["web-2", "web-1"]), ("image=\(FakeImages.queued)", []), ("image=none", []),
                ("ip=10.0.0.1", []), ("unknown_filter=1", ["web-2", "web-1"]), ("host=nowhere", ["web-2", "web-1"]),
                ("uuid=\(active)", ["web-1"]), ("changes-since=2999-01-01T00:00:00Z", []),
                ("changes-since=2020-01-01", ["old", "web-2", "web-1"]),
            ]
            for (query, expected) in expectations {
                let answer = try await cloud.call(.get, "/v2.1/servers/detail?\(query)")
                #expect(names(answer) == expected, "\(query): \(answer.text.prefix(300))")
            }
            #expect(try await cloud.call(.get, "/v2.1/servers?changes-since=2011/01/01").status == 400)
            #expect(try await cloud.call(.get, "/v2.1/servers?name=%5B").status == 400)
            #expect(try await cloud.call(.get, "/v2.1/servers?status=DELETED").status == 403)
            #expect(try await cloud.call(.get, "/v2.1/servers?all_tenants=1").status == 403)
            #expect(names(try await cloud.call(.get, "/v2.1/servers?all_tenants=1", as: "admin")).count == 2)
            #expect(names(try await cloud.call(.get, "/v2.1/servers", as: "admin")).isEmpty)
            #expect(
                names(try await cloud.call(.get, "/v2.1/servers?all_tenants=1&host=compute-1.tunis", as: "admin")) == ["web-1"])
            let tenant = "tenant_id=\(NovaFixture.project)"
            #expect(names(try await cloud.call(.get, "/v2.1/servers?\(tenant)", as: "admin")).isEmpty)
            #expect(names(try await cloud.call(.get, "/v2.1/servers?all_tenants=&\(tenant)", as: "admin")).count == 2)
            let deleted = try await cloud.call(.get, "/v2.1/servers/detail?all_tenants=1&deleted=true", as: "admin")
            #expect(deleted.json["servers"]?.array?.first?["status"] == "DELETED")
        }
    }

    @Test func rowsOfASilentCellAreWholeAndTheHeaderSaysHowOld() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            try await cloud.database.query(
                "UPDATE compute.cell_contacts SET last_contact = '2026-11-20T22:00:00Z' WHERE cell = 'tunis'")
            let list = try await cloud.call(.get, "/v2.1/servers/detail")
            #expect(list.headers[.asOf] == "tunis=2026-11-20T22:00:00.000000Z")
            let server = try #require(list.json["servers"]?.array?.first)
            #expect(server["status"] == "ACTIVE")
            #expect(server["flavor"]?["id"] == "1")
            #expect(server["image"]?["id"]?.string == FakeImages.active.description)
            let own = try await cloud.call(.get, "/meridian/v1/servers")
            let row = try #require(own.json["servers"]?.array?.first)
            #expect(row["as_of"] == "2026-11-20T22:00:00.000000Z")
            #expect(row["stale"] == true)
            #expect(row["region"] == "tunis")
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)").headers[.asOf] != nil)
        }
    }

    @Test func aServerNoCellCouldTakeIsInErrorWithItsFault() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.create()
            try await cloud.database.query(
                "UPDATE compute.servers SET verdict = 'error', verdict_message = 'No valid host was found.', verdict_at = now() WHERE id = \(id)"
            )
            let server = try await cloud.show(id)
            #expect(server["status"] == "ERROR")
            #expect(server["fault"]?["code"] == 500)
            #expect(server["fault"]?["message"] == "No valid host was found.")
            #expect(server["OS-EXT-STS:task_state"] == .null)
            #expect(names(try await cloud.call(.get, "/v2.1/servers?status=ERROR")) == ["one"])
            // Nobody could carry it out, so it must not be accepted and then wait for ever.
            let reboot = try await cloud.call(.post, "/v2.1/servers/\(id)/action", ["reboot": ["type": "HARD"]])
            #expect(reboot.status == 409)
            #expect(reboot.message == "Instance \(id) is not ready")
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)").status == 204)
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)").status == 404)
        }
    }

    @Test func theVersionDecidesWhichMembersAreShown() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active("one", ["metadata": ["a": "b"]])
            let base = [
                "OS-DCF:diskConfig", "OS-EXT-AZ:availability_zone", "OS-EXT-STS:power_state", "OS-EXT-STS:task_state",
                "OS-EXT-STS:vm_state", "OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at", "accessIPv4", "accessIPv6",
                "addresses",
                "config_drive", "created", "flavor", "hostId", "id", "image", "key_name", "links", "metadata", "name",
                "os-extended-volumes:volumes_attached", "progress", "status", "tenant_id", "updated", "user_id",
            ]
            #expect(try await cloud.show(id).object?.keys.sorted() == base)
            #expect(try await cloud.show(id, version: "2.9").object?.keys.sorted() == (base + ["locked"]).sorted())
            #expect(
                try await cloud.show(id, version: "2.37").object?.keys.sorted()
                    == (base + ["locked", "description", "tags"]).sorted())
            let admin = base + ["OS-EXT-SRV-ATTR:host", "OS-EXT-SRV-ATTR:hypervisor_hostname", "OS-EXT-SRV-ATTR:instance_name"]
            #expect(try await cloud.show(id, as: "admin").object?.keys.sorted() == admin.sorted())
            let updated = try await cloud.call(
                .put, "/v2.1/servers/\(id)",
                ["server": ["name": "two", "accessIPv4": "172.16.172.16", "accessIPv6": "FE80:0::0:1"]])
            #expect(
                updated.json["server"]?.object?.keys.sorted() == [
                    "OS-DCF:diskConfig", "accessIPv4", "accessIPv6", "addresses", "created", "flavor", "hostId", "id", "image",
                    "links",
                    "metadata", "name", "progress", "status", "tenant_id", "updated", "user_id",
                ])
            #expect(updated.json["server"]?["name"] == "two")
            #expect(updated.json["server"]?["accessIPv6"] == "fe80::1")
            for bad: JSONValue in [
                ["name": ""], ["name": .string(String(repeating: "x", count: 256))], ["accessIPv6": "x"], ["status": "ERROR"],
            ] {
                #expect(try await cloud.call(.put, "/v2.1/servers/\(id)", ["server": bad]).status == 400)
            }
        }
    }
}
