import CloudTestKit
import Database
import Foundation
import ProcessFederation
import Testing

extension ProcessJourneys {
    /// What a careless or hostile client sends is answered as OpenStack answers it, with a sentence, and leaves nothing behind.
    @Test func badInputIsAnsweredWithASentenceAndLeavesNothing() async throws {
        var plan = ProcessFederation.Plan()
        plan.regions = ["london"]
        plan.hostsPerRegion = 2
        try await ProcessFederation.with(plan) { federation in
            let tenant = try await federation.tenant()
            let image = try await tenant.makeImage()
            let mine = try await tenant.boot("mine", image: image)
            try await tenant.waitUntilActive([mine: "mine"], within: .seconds(15))
            let before = try await federation.leftovers()

            try await tenant.expectRefusals(ofServersWith: image)
            try await tenant.expectRefusals(ofTokensFor: mine)
            try await tenant.expectRefusals(ofActionsOn: mine)
            // An administrator sees it; a member of another project does not.
            let stranger = try await federation.stranger()
            #expect(try await stranger.call(.compute, "GET", "/v2.1/servers/\(mine)").status == 404)
            #expect(try await stranger.call(.compute, "DELETE", "/v2.1/servers/\(mine)").status == 404)
            #expect(
                try await stranger.call(.compute, "POST", "/v2.1/servers/\(mine)/action", #"{"os-stop": null}"#).status == 404)
            #expect(try await stranger.servers().servers.isEmpty)

            #expect(try await federation.leftovers() == before)
            try await federation.holdsTogether([mine: "mine"], seenBy: tenant, or: ["ACTIVE"])
        }
    }
}

extension Tenant {
    private func expect(
        _ status: Int, _ what: String, _ service: Service, _ method: String, _ path: String, _ body: String? = nil,
        token: String? = nil,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await call(service, method, path, body, token: token)
        #expect(answer.status == status, "\(what): \(answer.bodyText.prefix(300))", sourceLocation: location)
        let sentence = answer.sentence ?? ""
        #expect(
            sentence.split(separator: " ").count >= 3, "\(what) is told in a sentence: \(answer.bodyText.prefix(300))",
            sourceLocation: location)
    }

    private func expect(_ status: Int, server fields: String, _ what: String, at location: SourceLocation = #_sourceLocation)
        async throws
    {
        try await expect(status, what, .compute, "POST", "/v2.1/servers", #"{"server": {\#(fields)}}"#, at: location)
    }

    fileprivate func expectRefusals(ofServersWith image: String) async throws {
        let good = #""name": "x", "flavorRef": "1", "networks": "none", "imageRef": "\#(image)""#
        try await expect(
            400, server: good.replacing(#""flavorRef": "1""#, with: #""flavorRef": "no-such""#), "an unknown flavor")
        try await expect(400, server: good.replacing(image, with: UUID().uuidString.lowercased()), "an unknown image")
        try await expect(400, server: good.replacing(image, with: "tiny"), "an image that isn't a UUID")
        try await expect(400, server: good + #", "availability_zone": "atlantis""#, "an unknown zone")
        try await expect(400, server: good + #", "key_name": "no-such""#, "an unknown key pair")
        try await expect(400, server: good + #", "min_count": "many""#, "a number in words")
        try await expect(400, server: good + #", "metadata": ["a"]"#, "metadata that is a list")
        try await expect(400, server: good + #", "what_is_this": 1"#, "an unknown field")
        try await expect(400, server: good.replacing(#""name": "x""#, with: #""name": 7"#), "a name that is a number")
        try await expect(400, server: good.replacing(#""name": "x", "#, with: ""), "no name")
        try await expect(
            400, server: good.replacing(#""name": "x""#, with: #""name": "\#(String(repeating: "n", count: 256))""#),
            "a long name")
        try await expect(400, "malformed JSON", .compute, "POST", "/v2.1/servers", #"{"server": {"#)
        try await expect(400, "a list for an object", .compute, "POST", "/v2.1/servers", "[]")
        try await expect(400, "deep JSON", .compute, "POST", "/v2.1/servers", String(repeating: "[", count: 50_000))
        let large = #"{"server": {"name": "\#(String(repeating: "x", count: 200_000))"}}"#
        try await expect(413, "a body over the limit", .compute, "POST", "/v2.1/servers", large)
        try await expect(413, "a login over the limit", .identity, "POST", "/v3/auth/tokens", large)
    }

    fileprivate func expectRefusals(ofTokensFor server: String) async throws {
        let path = "/v2.1/servers/\(server)"
        var forged = Array(token)
        forged[forged.count / 2] = forged[forged.count / 2] == "A" ? "B" : "A"
        for (what, token) in [("no token", ""), ("a forged token", String(forged)), ("nonsense", "gAAAAAnonsense")] {
            try await expect(401, what, .compute, "GET", path, token: token)
            try await expect(401, what, .image, "GET", "/v2/images", token: token)
            try await expect(401, what, .identity, "GET", "/v3/auth/catalog", token: token)
        }
        let revoked = Tenant(like: self)
        try await revoked.logIn()
        let gone = try await revoked.call(.identity, "DELETE", "/v3/auth/tokens", headers: ["X-Subject-Token": revoked.token])
        #expect(gone.status == 204)
        try await expect(401, "a revoked token", .compute, "GET", path, token: revoked.token)
        try await expect(
            401, "a wrong password", .identity, "POST", "/v3/auth/tokens", Self.logInBody(user: "demo", password: "guess"),
            token: "")
    }

    fileprivate func expectRefusals(ofActionsOn server: String) async throws {
        let path = "/v2.1/servers/\(server)/action"
        try await expect(404, "an unknown server", .compute, "GET", "/v2.1/servers/\(UUID().uuidString.lowercased())")
        try await expect(404, "a server that isn't a UUID", .compute, "GET", "/v2.1/servers/no-such")
        try await expect(409, "starting what runs", .compute, "POST", path, #"{"os-start": null}"#)
        try await expect(400, "an unknown action", .compute, "POST", path, #"{"os-dance": null}"#)
        try await expect(400, "a reboot of an unknown kind", .compute, "POST", path, #"{"reboot": {"type": "GENTLE"}}"#)
        try await expect(
            403, "a flavor made by a member", .compute, "POST", "/v2.1/flavors",
            #"{"flavor": {"name": "f", "ram": 64, "vcpus": 1, "disk": 1}}"#)
        try await expect(403, "a user made by a member", .identity, "POST", "/v3/users", #"{"user": {"name": "me-too"}}"#)
    }
}

extension ProcessFederation {
    /// A member of a project of their own.
    fileprivate func stranger() async throws -> Tenant {
        let admin = try await administrator()
        let project = try await admin.call(
            .identity, "POST", "/v3/projects", #"{"project": {"name": "strangers", "domain_id": "default"}}"#)
        let user = try await admin.call(
            .identity, "POST", "/v3/users",
            #"{"user": {"name": "stranger", "domain_id": "default", "password": "\#(Tenant.password(of: "stranger"))"}}"#)
        let roles = try await admin.call(.identity, "GET", "/v3/roles?name=member")
        let ids = try [project.text("project", "id"), user.text("user", "id"), roles.objects("roles").first?["id"] as? String]
            .map { try #require($0) }
        let assigned = try await admin.call(.identity, "PUT", "/v3/projects/\(ids[0])/users/\(ids[1])/roles/\(ids[2])")
        #expect(assigned.status == 204)
        return try await self.user("stranger", project: "strangers")
    }

    /// Everything that a refused request could have left behind, counted.
    fileprivate func leftovers() async throws -> [String: Int64] {
        var counts: [String: Int64] = [:]
        for table in [
            "compute.servers", "compute.server_actions", "compute.flavors", "compute.keypairs", "glance.images",
            "compute.idempotency_keys",
        ] {
            counts[table] = try await topDatabase.rows("SELECT count(*) AS n FROM \(unsafe: table)").first?.get("n")
        }
        for (name, cell) in cells {
            for table in ["cell.servers", "cell.claims"] {
                counts["\(name) \(table)"] = try await cell.database.rows("SELECT count(*) AS n FROM \(unsafe: table)").first?
                    .get("n")
            }
        }
        return counts
    }
}
