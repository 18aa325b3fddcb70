import APIConventions
import CloudModel
import HTTPTypes
import HummingbirdTesting
import Testing

@testable import Glance

/// What an operator's rules change for images.
@Suite struct ImagePolicyTests {
    @Test func rulesTakeVerbsAway() async throws {
        let rules = [
            "add_image": "rule:admin_required", "download_image": "role:member", "communitize_image": "!",
            "get_members": "rule:admin_required",
        ]
        try await withGlanceAPI(policy: rules) { _, client in
            let refused = try await client.ask(
                .post, "/v2/images", json: #"{"name": "x", "disk_format": "raw", "container_format": "bare"}"#)
            #expect(refused.status == .forbidden)
            #expect(refused.text.contains("You are not authorized to complete add_image action."))

            let id = try await client.uploaded(bytes(64), as: "admin", more: #", "visibility": "public""#)
            #expect(try await client.ask(.get, "/v2/images/\(id)/file", as: "bob").status == .ok)
            #expect(try await client.ask(.get, "/v2/images/\(id)/file", as: "reader").status == .forbidden)
            #expect(try await client.ask(.get, "/v2/images/\(id)", as: "reader").status == .ok)

            let shared = try await client.created(as: "admin")
            let community = #"[{"op": "replace", "path": "/visibility", "value": "community"}]"#
            #expect(try await client.patch(shared, community, as: "admin").status == .forbidden)
            #expect(try await client.ask(.get, "/v2/images/\(shared)/members", as: "admin").status == .ok)
        }
    }

    @Test func rulesGiveVerbsToOthersForImagesThatTheySee() async throws {
        let rules = ["delete_image": "role:member", "publicize_image": "rule:project_member_or_admin"]
        try await withGlanceAPI(policy: rules) { _, client in
            let mine = try await client.created(more: #", "visibility": "public""#)
            let hidden = try await client.created(more: #", "visibility": "private""#)
            #expect(try await client.ask(.delete, "/v2/images/\(hidden)", as: "bob").status == .notFound)
            let rename = #"[{"op": "replace", "path": "/name", "value": "y"}]"#
            #expect(try await client.patch(mine, rename, as: "bob").status == .forbidden, "another rule's verb")
            #expect(try await client.ask(.delete, "/v2/images/\(mine)", as: "reader").status == .forbidden)
            #expect(try await client.ask(.delete, "/v2/images/\(mine)", as: "bob").status == .noContent)
        }
    }

    @Test func everyRuleHasADefault() throws {
        #expect(ImagePolicy.defaults.count == ImagePolicy.Action.allCases.count)
        _ = try GlanceService.policy([:])
        #expect(throws: PolicyMistake.self) { try GlanceService.policy(["delete_images": "@"]) }
    }

    @Test(arguments: ["rule:owner", "rule:admin_or_owner", "not user_id:%(user_id)s", "not 'public':%(visibilty)s"])
    func whatNoImageHasIsRefused(_ rule: String) {
        let mistake = #expect(throws: PolicyMistake.self) { try GlanceService.policy(["delete_image": rule]) }
        #expect(mistake?.rule == "delete_image")
    }

    @Test func theListShowsWhatTheRuleForAnImageShows() async throws {
        let rules = ["get_image": "rule:project_member_or_admin or 'public':%(visibility)s"]
        try await withGlanceAPI(policy: rules) { _, client in
            let open = try await client.created("open", as: "admin", more: #", "visibility": "public""#)
            let community = try await client.created("hidden", as: "admin", more: #", "visibility": "community""#)
            func listed(_ query: String, as token: String) async throws -> ([String], next: String?) {
                let answer = try await client.ask(.get, "/v2/images?\(query)", as: token).json
                return (answer["images"]?.array?.compactMap { $0["id"]?.string } ?? [], answer["next"]?.string)
            }
            #expect(try await client.ask(.get, "/v2/images/\(community)", as: "bob").status == .notFound)
            #expect(try await listed("visibility=community", as: "bob").0 == [])
            #expect(try await listed("visibility=community", as: "admin").0 == [community])
            #expect(try await listed("visibility=public", as: "bob").0 == [open])
            // A page of which nothing is shown leads on all the same.
            let page = try await listed("visibility=community&limit=1", as: "bob")
            #expect(page.0 == [])
            #expect(page.next?.contains("marker=\(community)") == true)
        }
    }
}
