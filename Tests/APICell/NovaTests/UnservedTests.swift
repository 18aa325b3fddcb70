import APIConventions
import CloudModel
import Database
import HTTPTypes
import Testing

@testable import Nova

/// What a version doesn't know is 404, what this cloud doesn't serve is 501.
@Suite struct UnservedTests {
    @Test func theProxiesEndWithVersion36() async throws {
        try await NovaFixture.with { cloud async throws in
            for proxy in [
                "images", "os-networks", "os-tenant-networks", "os-fixed-ips", "os-floating-ips", "os-floating-ip-pools",
                "os-security-groups", "os-volumes", "os-snapshots", "os-fping", "os-baremetal-nodes",
            ] {
                #expect(try await cloud.call(.get, "/v2.1/\(proxy)", version: "2.35").status == 501, "\(proxy)")
                #expect(try await cloud.call(.get, "/v2.1/\(proxy)", version: "2.36").status == 404, "\(proxy)")
                #expect(try await cloud.call(.get, "/v2.1/\(proxy)/1", version: "2.36").status == 404, "\(proxy)")
            }
            #expect(try await cloud.call(.get, "/v2.1/os-agents", version: "2.37").status == 501)
        }
    }

    @Test func whatCameLaterIsUnknownBefore() async throws {
        try await NovaFixture.with { cloud async throws in
            let down: JSONValue = ["host": "compute-1.tunis", "binary": "nova-compute", "forced_down": true]
            let force = "/v2.1/os-services/force-down"
            #expect(try await cloud.call(.put, force, down, as: "admin", version: "2.10").status == 404)
            #expect(try await cloud.call(.put, force, down, as: "admin", version: "2.11").status == 501)
            let path = "/v2.1/servers/\(try await cloud.active())"
            #expect(try await cloud.call(.get, "\(path)/consoles").status == 501)
            let console: JSONValue = ["remote_console": ["protocol": "vnc", "type": "novnc"]]
            #expect(try await cloud.call(.post, "\(path)/remote-consoles", console, version: "2.5").status == 404)
            #expect(try await cloud.call(.post, "\(path)/remote-consoles", console, version: "2.6").status == 501)
            let dump: JSONValue = ["trigger_crash_dump": .null]
            #expect(try await cloud.call(.post, "\(path)/action", dump, version: "2.16").status == 404)
            #expect(try await cloud.call(.post, "\(path)/action", dump, version: "2.17").status == 501)
        }
    }

    @Test func v2IsAnotherNameOfV21() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            #expect(try await cloud.call(.get, "/v2/servers/\(id)").status == 200)
            #expect(try await cloud.call(.get, "/v2/\(NovaFixture.project)/servers/detail").status == 200)
            #expect(try await cloud.call(.get, "/regions/london/v2/servers/\(id)").status == 404)
            #expect(try await cloud.call(.get, "/v2", as: nil).json["version"]?["id"] == "v2.0")
        }
    }

    @Test func aConfigDriveIsNotPretended() async throws {
        try await NovaFixture.with { cloud async throws in
            let refusal = try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("one", ["config_drive": true]))
            #expect(refusal.status == 501)
            #expect(refusal.message.contains("Config drives"))
            #expect(
                try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("one", ["config_drive": false])).status == 202)
        }
    }

    @Test func quotasOfUsersAndOfNetworksAreNotTheProjects() async throws {
        try await NovaFixture.with { cloud async throws in
            let path = "/v2.1/os-quota-sets/\(NovaFixture.project)"
            let instances: JSONValue = ["quota_set": ["instances": 99]]
            #expect(try await cloud.call(.put, "\(path)?user_id=u", instances, as: "admin").status == 501)
            #expect(try await cloud.call(.delete, "\(path)?user_id=u", as: "admin").status == 501)
            #expect(try await cloud.call(.get, path).json["quota_set"]?["instances"] == 10)
            let networks: JSONValue = ["quota_set": ["fixed_ips": 5]]
            #expect(try await cloud.call(.put, path, networks, as: "admin", version: "2.35").status == 200)
            #expect(try await cloud.call(.put, path, networks, as: "admin", version: "2.36").status == 400)
        }
    }

    @Test func keypairsHavePagesFromVersion35On() async throws {
        try await NovaFixture.with { cloud async throws in
            for name in ["a", "b", "c"] {
                try await cloud.database.query(
                    """
                    INSERT INTO compute.keypairs (user_id, name, fingerprint, public_key)
                    VALUES (\(NovaFixture.user), \(name), 'f', 'k')
                    """)
            }
            let whole = try await cloud.call(.get, "/v2.1/os-keypairs?limit=1", version: "2.34")
            #expect(whole.json["keypairs"]?.array?.count == 3)
            let page = try await cloud.call(.get, "/v2.1/os-keypairs?limit=1&marker=a", version: "2.35")
            #expect(page.json["keypairs"]?.array?.map { $0["keypair"]?["name"]?.string } == ["b"])
            #expect(page.json["keypairs_links"] != nil)
        }
    }

    @Test func aPublicFlavorIsGrantedToNobody() async throws {
        try await NovaFixture.with { cloud async throws in
            let grant: JSONValue = ["addTenantAccess": ["tenant": "anyone"]]
            #expect(try await cloud.call(.post, "/v2.1/flavors/1/action", grant, as: "admin").status == 409)
        }
    }

    @Test func whoMayNotChangeAccessDoesNotLearnWhichFlavorsThereAre() async throws {
        try await NovaFixture.with { cloud async throws in
            let hidden: JSONValue = [
                "flavor": ["name": "h", "ram": 64, "vcpus": 1, "disk": 1, "id": "h", "os-flavor-access:is_public": false]
            ]
            #expect(try await cloud.call(.post, "/v2.1/flavors", hidden, as: "admin").status == 200)
            let bodies: [JSONValue] = [
                ["addTenantAccess": ["tenant": "anyone"]], ["removeTenantAccess": ["tenant": "anyone"]], ["look": ["at": "it"]],
            ]
            for (body, missing) in zip(bodies, [404, 404, 400]) {
                for id in ["h", "none"] {
                    #expect(try await cloud.call(.post, "/v2.1/flavors/\(id)/action", body, as: "reader").status == 403)
                }
                #expect(try await cloud.call(.post, "/v2.1/flavors/none/action", body, as: "admin").status == missing)
            }
        }
    }
}
