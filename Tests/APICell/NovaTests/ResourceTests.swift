import APIConventions
import CloudModel
import Database
import Foundation
import HTTPTypes
import Testing

@testable import Nova

@Suite struct MetadataAndTagTests {
    @Test func metadataGrowsNoLargerThanWhatTravelsWithAServer() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active("one")
            let path = "/v2.1/servers/\(id)/metadata"
            func items(_ range: Range<Int>) -> JSONValue {
                let items = range.reduce(into: JSONObject()) { $0["\($1)"] = .string(String(repeating: "b", count: 255)) }
                return ["metadata": .object(items)]
            }
            #expect(try await cloud.call(.post, path, items(0..<40)).status == 200)
            let refused = try await cloud.call(.post, path, items(40..<80))
            #expect(refused.status == 400)
            #expect(refused.message.contains("16384 bytes"), "\(refused.text)")
            #expect(try await cloud.call(.get, path).json["metadata"]?.object?.members.count == 40)
        }
    }

    @Test func metadataIsMergedReplacedAndRemoved() async throws {
        try await NovaFixture.with(quotas: QuotaLimits(metadataItems: 4)) { cloud async throws in
            let id = try await cloud.active("one", ["metadata": ["key1": "a", "key2": "b"]])
            let path = "/v2.1/servers/\(id)/metadata"
            #expect(try await cloud.call(.get, path).json == ["metadata": ["key1": "a", "key2": "b"]])
            let merged = try await cloud.call(.post, path, ["metadata": ["key1": "c", "key3": "d"]])
            #expect(merged.json == ["metadata": ["key1": "c", "key2": "b", "key3": "d"]])
            #expect(try await cloud.call(.put, path, ["metadata": ["key4": "e"]]).json == ["metadata": ["key4": "e"]])
            #expect(try await cloud.call(.put, "\(path)/nova", ["meta": ["nova": "alt"]]).json == ["meta": ["nova": "alt"]])
            #expect(try await cloud.call(.get, "\(path)/nova").json == ["meta": ["nova": "alt"]])
            #expect(try await cloud.call(.put, "\(path)/nova", ["meta": ["other": "alt"]]).status == 400)
            #expect(try await cloud.call(.delete, "\(path)/nova").status == 204)
            #expect(try await cloud.call(.delete, "\(path)/nova").status == 404)
            #expect(try await cloud.call(.get, "\(path)/nova").status == 404)
            #expect(try await cloud.call(.post, path, ["metadata": ["": "x"]]).status == 400)
            #expect(try await cloud.call(.put, path + "/a%00", ["meta": ["a": "x"]]).status == 400)
            #expect(try await cloud.call(.post, path, ["metadata": .null]).status == 400)
            #expect(try await cloud.call(.post, path, ["a": ["b": "c"]]).status == 400)
            let many = JSONObject(["a", "b", "c", "d", "e"].reduce(into: JSONObject()) { $0[$1] = "x" }.members)
            #expect(try await cloud.call(.post, path, ["metadata": .object(many)]).status == 403)
            #expect(try await cloud.call(.get, path).json == ["metadata": ["key4": "e"]])
        }
    }

    @Test func twoClientsSettingDifferentKeysLoseNeither() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try await cloud.call(.post, "/v2.1/servers/\(id)/metadata", ["metadata": .object(["k\(number)": "v"])])
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)/metadata").json["metadata"]?.object?.members.count == 20)
        }
    }

    @Test func tagsComeWithVersion26() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            let path = "/v2.1/servers/\(id)/tags"
            #expect(try await cloud.call(.get, path).status == 404)
            #expect(try await cloud.call(.put, path, ["tags": ["a", "b", "a"]], version: "2.26").json == ["tags": ["a", "b"]])
            #expect(try await cloud.call(.put, "\(path)/c", version: "2.26").status == 201)
            #expect(try await cloud.call(.put, "\(path)/c", version: "2.26").status == 204)
            #expect(try await cloud.call(.get, "\(path)/c", version: "2.26").status == 204)
            #expect(try await cloud.call(.delete, "\(path)/a", version: "2.26").status == 204)
            #expect(try await cloud.show(id, version: "2.26")["tags"] == ["b", "c"])
            for (query, count) in [
                ("tags=b,c", 1), ("tags=b,x", 0), ("tags-any=x,b", 1), ("not-tags=b,c", 0), ("not-tags-any=x", 1),
            ] {
                let list = try await cloud.call(.get, "/v2.1/servers?\(query)", version: "2.26")
                #expect(list.json["servers"]?.array?.count == count, "\(query)")
            }
            #expect(try await cloud.call(.delete, path, version: "2.26").status == 204)
            #expect(try await cloud.call(.put, path, ["tags": ["a/b"]], version: "2.26").status == 400)
        }
    }
}

@Suite struct KeypairTests {
    private static let imported =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl someone@example"

    @Test func aCertificateIsMadeOrImportedForWindowsGuests() async throws {
        try await NovaFixture.with { cloud async throws in
            let made = try await cloud.call(
                .post, "/v2.1/os-keypairs", ["keypair": ["name": "made", "type": "x509"]], version: "2.2")
            #expect(made.status == 201)
            let certificate = try #require(made.json["keypair"]?["public_key"]?.string)
            #expect(certificate.hasPrefix("-----BEGIN CERTIFICATE-----\n"))
            #expect(made.json["keypair"]?["private_key"]?.string?.hasPrefix("-----BEGIN PRIVATE KEY-----\n") == true)
            let brought = try await cloud.call(
                .post, "/v2.1/os-keypairs",
                ["keypair": ["name": "brought", "type": "x509", "public_key": .string(certificate)]],
                version: "2.2")
            #expect(brought.status == 201)
            #expect(brought.json["keypair"]?["public_key"]?.string == certificate)
            #expect(brought.json["keypair"]?["private_key"] == nil)
            let fingerprint = try #require(brought.json["keypair"]?["fingerprint"]?.string)
            #expect(fingerprint == made.json["keypair"]?["fingerprint"]?.string)
            #expect(fingerprint.split(separator: ":").count == 20)
            #expect(
                try await cloud.call(
                    .post, "/v2.1/os-keypairs",
                    ["keypair": ["name": "x", "type": "x509", "public_key": .string(Self.imported)]],
                    version: "2.2"
                ).status == 400)
        }
    }

    @Test func aKeyIsImportedListedShownAndDeleted() async throws {
        try await NovaFixture.with { cloud async throws in
            let added = try await cloud.call(
                .post, "/v2.1/os-keypairs", ["keypair": ["name": "mine", "public_key": .string(Self.imported)]])
            #expect(added.status == 200)
            #expect(added.json["keypair"]?.object?.keys.sorted() == ["fingerprint", "name", "public_key", "user_id"])
            #expect(added.json["keypair"]?["fingerprint"]?.string?.split(separator: ":").count == 16)
            #expect(
                try await cloud.call(
                    .post, "/v2.1/os-keypairs",
                    ["keypair": ["name": "mine", "public_key": .string(Self.imported), "type": "ssh"]],
                    version: "2.2"
                ).status == 409)
            let list = try await cloud.call(.get, "/v2.1/os-keypairs", version: "2.2")
            #expect(
                list.json["keypairs"]?.array?.first?["keypair"]?.object?.keys.sorted() == [
                    "fingerprint", "name", "public_key", "type",
                ])
            let shown = try await cloud.call(.get, "/v2.1/os-keypairs/mine", version: "2.2")
            #expect(
                shown.json["keypair"]?.object?.keys.sorted() == [
                    "created_at", "deleted", "deleted_at", "fingerprint", "id", "name", "public_key", "type", "updated_at",
                    "user_id",
                ])
            let id = try await cloud.create("one", ["key_name": "mine"])
            #expect(try await cloud.show(id)["key_name"] == "mine")
            let kept: String = try #require(
                try await cloud.database.query("SELECT spec->>'publicKey' AS key FROM compute.servers WHERE id = \(id)").first
            ).get("key")
            #expect(kept == Self.imported)
            #expect(try await cloud.call(.get, "/v2.1/os-keypairs/mine", as: "stranger").status == 404)
            #expect(try await cloud.call(.delete, "/v2.1/os-keypairs/mine").status == 202)
            #expect(try await cloud.call(.delete, "/v2.1/os-keypairs/mine", version: "2.2").status == 404)
            for bad: JSONValue in [
                ["name": "x", "public_key": "not a key"], ["name": "x", "public_key": "ssh-rsa !!!"], ["name": ""],
                ["name": "a/b"], ["public_key": "x"],
            ] {
                #expect(try await cloud.call(.post, "/v2.1/os-keypairs", ["keypair": bad]).status == 400)
            }
        }
    }

    @Test func aGeneratedKeyIsInOpenSSHsForm() throws {
        let key = try GeneratedKey(comment: "someone")
        let words = key.publicKey.split(separator: " ")
        let blob = try #require(Data(base64Encoded: String(words[1])))
        #expect(words[0] == "ssh-ed25519" && words[2] == "someone")
        #expect(blob.count == 4 + 11 + 4 + 32)
        let lines = key.privateKey.split(separator: "\n")
        #expect(lines.first == "-----BEGIN OPENSSH PRIVATE KEY-----" && lines.last == "-----END OPENSSH PRIVATE KEY-----")
        #expect(lines.allSatisfy { $0.count <= 70 })
        let file = try #require(Data(base64Encoded: lines.dropFirst().dropLast().joined()))
        // OpenSSH, PROTOCOL.key: magic, cipher, kdf, kdf's options, one key, the public part, the private part.
        var rest = Array(file.dropFirst("openssh-key-v1\0".utf8.count))
        func number() -> Int {
            defer { rest.removeFirst(4) }
            return rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        }
        func string() -> [UInt8] {
            let count = number()
            defer { rest.removeFirst(count) }
            return Array(rest.prefix(count))
        }
        #expect(string() == Array("none".utf8))
        #expect(string() == Array("none".utf8))
        #expect(string().isEmpty)
        #expect(number() == 1)
        #expect(string() == Array(blob))
        rest = string()
        #expect(rest.count % 8 == 0)
        #expect(number() == number())
        #expect(string() == Array("ssh-ed25519".utf8))
        let point = string()
        #expect(point == Array(blob.suffix(32)))
        let secret = string()
        #expect(secret.count == 64 && Array(secret.suffix(32)) == point)
        #expect(string() == Array("someone".utf8))
        #expect(rest == (0..<rest.count).map { UInt8($0 + 1) })
    }

    @Test func thePrivateHalfIsShownOnceAndKeptNowhere() async throws {
        try await NovaFixture.with(quotas: QuotaLimits(keyPairs: 1)) { cloud async throws in
            let made = try await cloud.call(
                .post, "/v2.1/os-keypairs", ["keypair": ["name": "new", "type": "ssh"]], version: "2.2")
            #expect(made.status == 201)
            #expect(made.json["keypair"]?["private_key"]?.string?.hasPrefix("-----BEGIN OPENSSH PRIVATE KEY-----") == true)
            #expect(try await cloud.call(.get, "/v2.1/os-keypairs/new").json["keypair"]?["private_key"] == nil)
            #expect(try await cloud.call(.post, "/v2.1/os-keypairs", ["keypair": ["name": "more"]]).status == 403)
        }
    }
}

@Suite struct FlavorTests {
    @Test func flavorsAreListedShownMadeAndRemoved() async throws {
        try await NovaFixture.with { cloud async throws in
            let list = try await cloud.call(.get, "/v2.1/flavors")
            #expect(
                list.json["flavors"]?.array?.map { $0["name"]?.string } == [
                    "m1.tiny", "m1.small", "m1.medium", "m1.large", "m1.xlarge",
                ])
            let shown = try await cloud.call(.get, "/v2.1/flavors/1")
            #expect(
                shown.json["flavor"]?.object?.keys.sorted() == [
                    "OS-FLV-DISABLED:disabled", "OS-FLV-EXT-DATA:ephemeral", "disk", "id", "links", "name",
                    "os-flavor-access:is_public",
                    "ram", "rxtx_factor", "swap", "vcpus",
                ])
            #expect(try await cloud.call(.get, "/v2.1/flavors/none").status == 404)
            let body: JSONValue = [
                "flavor": [
                    "name": "private", "ram": 64, "vcpus": 1, "disk": 1, "id": "p1", "os-flavor-access:is_public": false,
                ]
            ]
            #expect(try await cloud.call(.post, "/v2.1/flavors", body).status == 403)
            #expect(try await cloud.call(.post, "/v2.1/flavors", body, as: "admin").status == 200)
            #expect(try await cloud.call(.post, "/v2.1/flavors", body, as: "admin").status == 409)
            #expect(try await cloud.call(.get, "/v2.1/flavors/p1").status == 404)
            #expect(
                try await cloud.call(
                    .post, "/v2.1/flavors/p1/action",
                    .object(["addTenantAccess": ["tenant": .string(NovaFixture.project.rawValue)]]),
                    as: "admin"
                ).status == 200)
            #expect(try await cloud.call(.get, "/v2.1/flavors/p1").status == 200)
            #expect(try await cloud.call(.get, "/v2.1/flavors/detail?minRam=200&minDisk=5").json["flavors"]?.array?.count == 2)
            #expect(try await cloud.call(.get, "/v2.1/flavors?limit=2").json["flavors_links"] != nil)
            #expect(
                try await cloud.call(
                    .post, "/v2.1/flavors/p1/os-extra_specs", ["extra_specs": ["trait:X": "required"]], as: "admin"
                ).status
                    == 200)
            #expect(
                try await cloud.call(.get, "/v2.1/flavors/p1/os-extra_specs").json == ["extra_specs": ["trait:X": "required"]])
            #expect(try await cloud.call(.delete, "/v2.1/flavors/p1", as: "admin").status == 202)
            #expect(try await cloud.call(.delete, "/v2.1/flavors/p1", as: "admin").status == 404)
            try await BootstrapFlavors.add(to: cloud.database)
            #expect(try await cloud.count("compute.flavors") == 5)
        }
    }
}

@Suite struct QuotaTests {
    @Test func theDefaultClassIsWhatProjectsHaveWithoutLimitsOfTheirOwn() async throws {
        try await NovaFixture.with { cloud async throws in
            let path = "/v2.1/os-quota-class-sets"
            let shown = try await cloud.call(.get, "\(path)/default", as: "admin")
            #expect(shown.json["quota_class_set"]?["id"] == "default")
            #expect(shown.json["quota_class_set"]?["instances"] == 10)
            let changed = try await cloud.call(
                .put, "\(path)/default", ["quota_class_set": ["instances": 1, "fixed_ips": 5]], as: "admin")
            #expect(changed.json["quota_class_set"]?["instances"] == 1)
            _ = try await cloud.create()
            #expect(try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("two")).status == 403)
            #expect(
                try await cloud.call(.put, "\(path)/default", ["quota_class_set": ["apples": 1]], as: "admin").status == 400)
            #expect(try await cloud.call(.get, "\(path)/other", as: "admin").status == 404)
            #expect(try await cloud.call(.get, "\(path)/default").status == 403)
        }
    }

    @Test func quotasAreShownSetEnforcedAndCleared() async throws {
        try await NovaFixture.with { cloud async throws in
            let path = "/v2.1/os-quota-sets/\(NovaFixture.project)"
            let defaults = try await cloud.call(.get, "\(path)/defaults")
            #expect(defaults.json["quota_set"]?["instances"] == 10)
            #expect(defaults.json["quota_set"]?["fixed_ips"] == -1)
            #expect(try await cloud.call(.get, path, version: "2.36").json["quota_set"]?["fixed_ips"] == nil)
            #expect(try await cloud.call(.put, path, ["quota_set": ["instances": 1]]).status == 403)
            #expect(try await cloud.call(.put, path, ["quota_set": ["instances": 1]], as: "admin").status == 200)
            _ = try await cloud.create()
            #expect(try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("two")).status == 403)
            #expect(
                try await cloud.call(.get, "\(path)/detail").json["quota_set"]?["instances"] == [
                    "limit": 1, "in_use": 1, "reserved": 0,
                ])
            #expect(try await cloud.call(.put, path, ["quota_set": ["instances": 0]], as: "admin").status == 400)
            #expect(try await cloud.call(.put, path, ["quota_set": ["apples": 0]], as: "admin").status == 400)
            let limits = try await cloud.call(.get, "/v2.1/limits").json["limits"]?["absolute"]
            #expect(limits?["maxTotalInstances"] == 1)
            #expect(limits?["totalRAMUsed"] == 128)
            #expect(try await cloud.call(.delete, path, as: "admin").status == 202)
            #expect(try await cloud.call(.get, path).json["quota_set"]?["instances"] == 10)
            #expect(try await cloud.call(.get, path, as: "stranger").status == 403)
        }
    }
}

@Suite struct HostTests {
    @Test func hostsOfSilentCellsStayListedDown() async throws {
        try await NovaFixture.with { cloud async throws in
            try await cloud.database.query(
                "UPDATE compute.cell_contacts SET last_contact = now() - interval '1 minute' WHERE cell = 'tunis'")
            let services = try await cloud.call(.get, "/v2.1/os-services", as: "admin").json["services"]?.array ?? []
            #expect(services.map { $0["state"]?.string } == ["up", "down"])
            #expect(
                services.first?.object?.keys.sorted()
                    == ["binary", "disabled_reason", "host", "id", "state", "status", "updated_at", "zone"])
            // A host says nothing while nothing changes: its cell's last word counts for it.
            let contact: Timestamp = try #require(
                try await cloud.database.query("SELECT last_contact FROM compute.cell_contacts WHERE cell = 'tunis'").first
            ).get("last_contact")
            #expect(services.last?["updated_at"]?.string == contact.withoutZone)
            let hypervisors =
                try await cloud.call(.get, "/v2.1/os-hypervisors/detail", as: "admin").json["hypervisors"]?.array ?? []
            #expect(hypervisors.map { $0["state"]?.string } == ["up", "down"])
            #expect(hypervisors.first?["cpu_info"] == "")
            let id = try #require(hypervisors.first?["id"]?.int)
            #expect(
                try await cloud.call(.get, "/v2.1/os-hypervisors/\(id)", as: "admin").json["hypervisor"]?["memory_mb"] == 32_768
            )
            #expect(
                try await cloud.call(.get, "/v2.1/os-hypervisors/statistics", as: "admin").json["hypervisor_statistics"]?[
                    "vcpus"] == 32)
            #expect(try await cloud.call(.get, "/v2.1/os-hypervisors").status == 403)
            let zones = try await cloud.call(.get, "/v2.1/os-availability-zone").json["availabilityZoneInfo"]?.array ?? []
            #expect(zones.map { $0["zoneName"]?.string } == ["amsterdam", "london", "tunis"])
            #expect(zones.map { $0["zoneState"]?["available"]?.bool } == [false, true, false])
            #expect(zones.allSatisfy { $0["hosts"] == .null })
            let detail =
                try await cloud.call(.get, "/v2.1/os-availability-zone/detail", as: "admin").json["availabilityZoneInfo"]?.array
                ?? []
            #expect(detail[1]["hosts"]?["compute-1.london"]?["nova-compute"]?["active"] == true)
        }
    }

    @Test func anAdministratorDisablesAHost() async throws {
        try await NovaFixture.with { cloud async throws in
            let body: JSONValue = ["host": "compute-1.tunis", "binary": "nova-compute", "disabled_reason": "disk"]
            #expect(try await cloud.call(.put, "/v2.1/os-services/disable-log-reason", body, as: "admin").status == 200)
            let services = try await cloud.call(.get, "/v2.1/os-services?host=compute-1.tunis", as: "admin").json["services"]?
                .array
            #expect(services?.first?["status"] == "disabled")
            #expect(services?.first?["disabled_reason"] == "disk")
            let enable: JSONValue = ["host": "compute-1.tunis", "binary": "nova-compute"]
            #expect(
                try await cloud.call(.put, "/v2.1/os-services/enable", enable, as: "admin").json["service"]?["status"]
                    == "enabled")
            #expect(
                try await cloud.call(.put, "/v2.1/os-services/enable", ["host": "x", "binary": "nova-compute"], as: "admin")
                    .status == 404)
        }
    }
}

@Suite struct ServerGroupTests {
    @Test func aGroupHoldsItsMembers() async throws {
        try await NovaFixture.with(quotas: QuotaLimits(serverGroupMembers: 1)) { cloud async throws in
            let made = try await cloud.call(
                .post, "/v2.1/os-server-groups", ["server_group": ["name": "apart", "policies": ["anti-affinity"]]])
            #expect(made.status == 200)
            let group = try #require(made.json["server_group"]?["id"]?.string)
            #expect(made.json["server_group"]?.object?.keys.sorted() == ["id", "members", "metadata", "name", "policies"])
            var body = NovaFixture.body().object ?? [:]
            body["os:scheduler_hints"] = .object(["group": .string(group)])
            #expect(try await cloud.call(.post, "/v2.1/servers", .object(body)).status == 202)
            #expect(try await cloud.call(.post, "/v2.1/servers", .object(body)).status == 403)
            #expect(
                try await cloud.call(.get, "/v2.1/os-server-groups/\(group)").json["server_group"]?["members"]?.array?.count
                    == 1)
            #expect(try await cloud.call(.get, "/v2.1/os-server-groups/\(group)", as: "stranger").status == 404)
            body["os:scheduler_hints"] = .object(["group": .string(ServerGroupID.random().description)])
            #expect(try await cloud.call(.post, "/v2.1/servers", .object(body)).status == 400)
            #expect(
                try await cloud.call(
                    .post, "/v2.1/os-server-groups", ["server_group": ["name": "x", "policies": ["soft-affinity"]]]
                ).status
                    == 400)
            #expect(try await cloud.call(.delete, "/v2.1/os-server-groups/\(group)").status == 204)
        }
    }
}
