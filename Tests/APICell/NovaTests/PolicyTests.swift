import APIConventions
import CloudModel
import Database
import HTTPTypes
import Testing

@testable import Nova

/// What an operator's rules change.
@Suite struct PolicyTests {
    @Test func aRuleTakesAVerbAway() async throws {
        try await NovaFixture.with(policy: ["os_compute_api:servers:create": "rule:admin_required"]) { cloud async throws in
            let refused = try await cloud.call(.post, "/v2.1/servers", NovaFixture.body())
            #expect(refused.status == 403)
            #expect(refused.message == "Policy doesn't allow os_compute_api:servers:create to be performed.")
            #expect(try await cloud.call(.post, "/v2.1/servers", NovaFixture.body(), as: "admin").status == 202)
            #expect(try await cloud.call(.get, "/v2.1/servers").status == 200)
        }
    }

    @Test func aRuleGivesAnAdministratorsViewToOthers() async throws {
        let rules = [
            "auditor": "role:reader",
            "os_compute_api:servers:detail:get_all_tenants": "rule:auditor",
            "os_compute_api:os-extended-server-attributes": "rule:auditor",
            "os_compute_api:servers:allow_all_filters": "rule:auditor",
            "os_compute_api:os-hypervisors:list": "rule:auditor",
        ]
        try await NovaFixture.with(policy: rules) { cloud async throws in
            let id = try await cloud.active("one")
            _ = try await cloud.create("other", as: "stranger")
            let all = try await cloud.call(.get, "/v2.1/servers/detail?all_tenants=1", as: "reader")
            #expect(all.json["servers"]?.array?.count == 2)
            let narrowed = try await cloud.call(
                .get, "/v2.1/servers/detail?all_tenants=1&project_id=\(NovaFixture.otherProject)", as: "reader")
            #expect(narrowed.json["servers"]?.array?.compactMap { $0["name"]?.string } == ["other"])
            #expect(try await cloud.show(id, as: "reader")["OS-EXT-SRV-ATTR:host"] != nil)
            #expect(
                try await cloud.call(.get, "/v2.1/servers?host=nowhere", as: "reader").json["servers"]?.array?.isEmpty == true)
            #expect(try await cloud.call(.get, "/v2.1/os-hypervisors", as: "reader").status == 200)

            // Each rule for itself, and another's server stays another's.
            #expect(try await cloud.call(.get, "/v2.1/servers?all_tenants=1", as: "reader").status == 403)
            #expect(try await cloud.call(.get, "/v2.1/os-hypervisors/detail", as: "reader").status == 403)
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)", as: "stranger").status == 404)
        }
    }

    @Test func aWiderRuleReachesNoOtherProject() async throws {
        let rules = ["os_compute_api:os-quota-sets:update": "@", "os_compute_api:servers:delete": "@"]
        try await NovaFixture.with(policy: rules) { cloud async throws in
            let id = try await cloud.active("one")
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)", as: "stranger").status == 404)
            let limits: JSONValue = ["quota_set": ["instances": 1]]
            let path = "/v2.1/os-quota-sets/\(NovaFixture.project)"
            #expect(try await cloud.call(.put, path, limits, as: "stranger").status == 403)
            #expect(try await cloud.call(.put, path, limits, as: "member").status == 200)
        }
    }

    @Test func aRuleThatNobodyKnowsIsTold() async throws {
        let mistake = #expect(throws: PolicyMistake.self) {
            try NovaService.policy(["os_compute_api:os-lock-server:look": "@"])
        }
        #expect(mistake?.rule == "os_compute_api:os-lock-server:look")
        #expect(mistake?.sentence.contains("Known are os_compute_api:os-lock-server:lock,") == true)
    }

    @Test func onlyAKeypairHasAUserWhoseItIs() async throws {
        for rule in ["rule:owner", "rule:admin_or_owner", "user_id:%(user_id)s"] {
            let mistake = #expect(throws: PolicyMistake.self) {
                try NovaService.policy(["os_compute_api:servers:delete": rule])
            }
            #expect(mistake?.rule == "os_compute_api:servers:delete")
        }
        try await NovaFixture.with(policy: ["os_compute_api:os-keypairs:show": "user_id:%(user_id)s"]) { cloud async throws in
            let new: JSONValue = ["keypair": ["name": "mine", "type": "ssh"]]
            #expect(try await cloud.call(.post, "/v2.1/os-keypairs", new, version: "2.10").status == 201)
            #expect(try await cloud.call(.get, "/v2.1/os-keypairs/mine", version: "2.10").status == 200)
            let another = "?user_id=\(NovaFixture.user)"
            let path = "/v2.1/os-keypairs/mine\(another)"
            #expect(try await cloud.call(.get, path, as: "admin", version: "2.10").status == 403, "it isn't the caller's")
            #expect(try await cloud.call(.get, "/v2.1/os-keypairs\(another)", as: "admin", version: "2.10").status == 200)
            #expect(try await cloud.call(.get, "/v2.1/os-keypairs\(another)", as: "stranger", version: "2.10").status == 403)
        }
    }
}
