import APIConventions
import CloudModel
import Database
import Foundation
import HTTPTypes
import Keystone
import Testing
import Tokens

@Suite struct TokenTests {
    @Test func aPasswordGivesATokenInTheDefaultProject() async throws {
        try await KeystoneFixture.with { keystone in
            let (token, body) = try await keystone.login(KeystoneFixture.password("admin", "secret"))
            #expect(token.count < 255)
            #expect(body["project"]?["name"]?.string == "admin")
            #expect(body["user"]?["domain"]?["name"]?.string == "Default")
            #expect(body["methods"]?.array == ["password"])
            #expect(body["roles"]?.array?.compactMap { $0["name"]?.string } == ["admin", "manager", "member", "reader"])
            #expect(body["audit_ids"]?.array?.count == 1)
            let shown = try await keystone.ask(.get, "/v3/auth/tokens", token: token, subject: token)
            #expect(shown.status == 200)
            #expect(shown.body["token"] == body)
            #expect(shown.headers[.subjectToken] == token)
            #expect(try await keystone.ask(.head, "/v3/auth/tokens", token: token, subject: token).status == 200)
        }
    }

    @Test func theCatalogHasTheFederationFirstAndThenEachRegion() async throws {
        try await KeystoneFixture.with { keystone in
            let (token, body) = try await keystone.login(KeystoneFixture.password("admin", "secret"))
            let catalog = try #require(body["catalog"]?.array)
            #expect(Set(catalog.compactMap { $0["type"]?.string }) == ["identity", "image", "compute"])
            let compute = try #require(catalog.first { $0["type"] == "compute" }?["endpoints"]?.array)
            let regions = compute.compactMap { $0["interface"] == "public" ? $0["region"]?.string : nil }
            #expect(regions == ["meridian", "amsterdam", "london", "tunis"])
            #expect(compute.first { $0["region"] == "tunis" }?["url"] == "http://top:8774/regions/tunis/v2.1")
            let image = try #require(catalog.first { $0["type"] == "image" }?["endpoints"]?.array)
            #expect(Set(image.compactMap { $0["url"]?.string }) == ["http://top:9292"])
            #expect(image.count == 12)
            #expect(try await keystone.ask(.get, "/v3/auth/catalog", token: token).body["catalog"] == .array(catalog))
            #expect(
                try await keystone.ask(.get, "/v3/auth/tokens?nocatalog", token: token, subject: token).body["token"]?[
                    "catalog"] == nil)
        }
    }

    @Test func atMostThirtyTwoChildRegionsAreShown() async throws {
        try await KeystoneFixture.with { keystone in
            for number in 0..<40 {
                try await keystone.service.add(AddRegion("r\(100 + number)", urls: ["compute": "http://r\(number)"]))
            }
            let (_, body) = try await keystone.login(KeystoneFixture.password("admin", "secret"))
            let compute = try #require(body["catalog"]?.array?.first { $0["type"] == "compute" }?["endpoints"]?.array)
            let regions = Set(compute.compactMap { $0["region"]?.string })
            #expect(regions.count == 33)
            let images = try #require(body["catalog"]?.array?.first { $0["type"] == "image" }?["endpoints"]?.array)
            #expect(Set(images.compactMap { $0["region"]?.string }).count == 33, "a new region knows where images are")
            #expect(regions.contains("meridian"))
            try await keystone.service.add(AddRegion("amsterdam", urls: ["compute": "http://moved"]))
            let moved = try await keystone.login(KeystoneFixture.password("admin", "secret")).body
            let endpoints = try #require(moved["catalog"]?.array?.first { $0["type"] == "compute" }?["endpoints"]?.array)
            #expect(
                endpoints.filter { $0["region"] == "amsterdam" }.map { $0["url"] } == [
                    "http://moved", "http://moved", "http://moved",
                ])
        }
    }

    @Test func aTokenEndsWithItsTime() async throws {
        try await KeystoneFixture.with(tokenLifetime: .seconds(2)) { keystone in
            let token = try await keystone.admin()
            let start = ContinuousClock.now
            var status = 200
            while status == 200, start.duration(to: .now) < .seconds(30) {
                status = try await keystone.ask(.get, "/v3/auth/projects", token: token).status
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(status == 401)
            #expect(try await keystone.ask(.post, "/v3/auth/tokens", KeystoneFixture.token(token)).status == 401)
        }
    }

    @Test func whatALoginLacksIsSaidWithoutThePassword() async throws {
        try await KeystoneFixture.with { keystone in
            let user: JSONValue = ["user": ["password": "hunter2", "domain": ["id": "default"]]]
            let nameless: JSONValue = ["auth": ["identity": ["methods": ["password"], "password": user]]]
            let refusal = try await keystone.ask(.post, "/v3/auth/tokens", nameless)
            #expect(refusal.status == 400)
            #expect(refusal.body.text.contains("'name' is a required property"))
            #expect(!refusal.body.text.contains("hunter2"))
        }
    }

    @Test func aMethodIsAWord() async throws {
        try await KeystoneFixture.with { keystone async throws in
            for methods: JSONValue in [[1], ["password", .null], [["password"]], []] {
                let password: JSONValue = ["user": ["id": "x", "password": "pw"]]
                let body: JSONValue = ["auth": ["identity": ["methods": methods, "password": password]]]
                #expect(try await keystone.ask(.post, "/v3/auth/tokens", body).status == 400, "\(methods.text)")
            }
        }
    }

    @Test func anUnscopedTokenHasNoCatalog() async throws {
        try await KeystoneFixture.with { keystone in
            let unscoped = try await keystone.login(KeystoneFixture.password("admin", "secret", scope: "unscoped")).token
            #expect(try await keystone.ask(.get, "/v3/auth/catalog", token: unscoped).status == 403)
            let scope: JSONValue = ["project": ["name": "admin", "domain": ["id": "default"]]]
            let scoped = try await keystone.login(KeystoneFixture.password("admin", "secret", scope: scope)).token
            #expect(try await keystone.ask(.get, "/v3/auth/catalog", token: scoped).status == 200)
        }
    }

    @Test func everyScopeCanBeAskedForAndOnlyWithARole() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            let (_, project, _) = try await keystone.member("ann", admin)
            let unscoped = try await keystone.login(KeystoneFixture.password("ann", "pw", scope: "unscoped"))
            #expect(unscoped.body["project"] == nil)
            #expect(unscoped.body["catalog"] == nil)
            #expect(unscoped.body["roles"] == nil)
            let explicit = try await keystone.login(KeystoneFixture.password("ann", "pw", scope: ["unscoped": [:]]))
            #expect(explicit.body["project"] == nil)
            // Token to token, as the openstack client does.
            let scoped = try await keystone.login(
                KeystoneFixture.token(unscoped.token, scope: ["project": ["id": .string(project)]]))
            #expect(scoped.body["project"]?["id"]?.string == project)
            #expect(scoped.body["methods"]?.array == ["password", "token"])
            #expect(scoped.body["expires_at"] == unscoped.body["expires_at"])
            #expect(scoped.body["audit_ids"]?.array?.last == unscoped.body["audit_ids"]?.array?.first)
            let named: JSONValue = ["project": ["name": "p-ann", "domain": ["name": "Default"]]]
            #expect(
                try await keystone.login(KeystoneFixture.token(scoped.token, scope: named)).body["project"]?["id"]?.string
                    == project)
            let system = try await keystone.login(KeystoneFixture.password("admin", "secret", scope: ["system": ["all": true]]))
            #expect(system.body["system"]?["all"] == true)
            for scope: JSONValue in [
                ["system": ["all": true]], ["domain": ["id": "default"]],
                ["project": ["name": "admin", "domain": ["id": "default"]]],
                ["project": ["id": "nowhere"]],
            ] {
                let answer = try await keystone.ask(
                    .post, "/v3/auth/tokens", KeystoneFixture.password("ann", "pw", scope: scope))
                #expect(answer.status == 401)
            }
        }
    }

    @Test func aUserWithoutADefaultProjectGetsAnUnscopedToken() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            try await keystone.ask(.post, "/v3/users", token: admin, ["user": ["name": "bob", "password": "pw"]])
            let (token, body) = try await keystone.login(KeystoneFixture.password("bob", "pw"))
            #expect(body["project"] == nil)
            #expect(try await keystone.ask(.get, "/v3/auth/projects", token: token).body["projects"] == [])
            #expect(try await keystone.ask(.get, "/v3/auth/catalog", token: token).status == 403)
        }
    }

    @Test func refusalsDoNotTellWhetherAUserExists() async throws {
        try await KeystoneFixture.with { keystone in
            let wrong = try await keystone.ask(.post, "/v3/auth/tokens", KeystoneFixture.password("admin", "wrong"))
            let nobody = try await keystone.ask(.post, "/v3/auth/tokens", KeystoneFixture.password("nobody", "wrong"))
            #expect(wrong.status == 401)
            #expect(nobody.status == 401)
            #expect(wrong.body == nobody.body)
            #expect(wrong.body["error"]?["message"] == "The request you have made requires authentication.")
            #expect(wrong.headers[.wwwAuthenticate] == "Keystone uri=\"http://top:5000/v3\"")
        }
    }

    @Test func bodiesThatAreNotRequestsAre400() async throws {
        try await KeystoneFixture.with { keystone in
            for body: JSONValue in [
                [], [:], ["auth": [:]], ["auth": ["identity": ["methods": []]]],
                ["auth": ["identity": ["methods": ["password"]]]],
                ["auth": ["identity": ["methods": ["password"], "password": ["user": ["name": "a", "password": "b"]]]]],
                [
                    "auth": [
                        "identity": [
                            "methods": ["password"],
                            "password": ["user": ["name": 5, "password": "b", "domain": ["id": "default"]]],
                        ]
                    ]
                ],
                KeystoneFixture.password("admin", "secret", scope: ["planet": [:]]),
            ] {
                let answer = try await keystone.ask(.post, "/v3/auth/tokens", body)
                #expect(answer.status == 400, "\(body.text)")
                #expect(answer.body["error"]?["code"] == 400)
            }
            let unknown = try await keystone.ask(.post, "/v3/auth/tokens", ["auth": ["identity": ["methods": ["retina"]]]])
            #expect(unknown.status == 401)
        }
    }

    @Test func deletedForgedExpiredAndForeignTokensAreRefused() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            _ = try await keystone.member("ann", admin)
            _ = try await keystone.member("bob", admin)
            let ann = try await keystone.login(KeystoneFixture.password("ann", "pw")).token
            let bob = try await keystone.login(KeystoneFixture.password("bob", "pw")).token
            // Somebody else's token is none of their business.
            #expect(try await keystone.ask(.get, "/v3/auth/tokens", token: ann, subject: bob).status == 403)
            #expect(try await keystone.ask(.delete, "/v3/auth/tokens", token: ann, subject: bob).status == 403)
            #expect(try await keystone.ask(.get, "/v3/auth/tokens", token: admin, subject: bob).status == 200)
            // Deleted.
            #expect(try await keystone.ask(.delete, "/v3/auth/tokens", token: bob, subject: bob).status == 204)
            #expect(try await keystone.ask(.get, "/v3/auth/projects", token: bob).status == 401)
            #expect(try await keystone.ask(.get, "/v3/auth/tokens", token: admin, subject: bob).status == 404)
            #expect(try await keystone.ask(.post, "/v3/auth/tokens", KeystoneFixture.token(bob)).status == 401)
            // Forged: one character changed, another key, rubbish.
            var letters = Array(ann)
            letters[60] = letters[60] == "A" ? "B" : "A"
            let payload = TokenPayload(
                userID: "u", scope: .system, methods: .password, issuedAt: .now(), expiresAt: .now() + .seconds(60),
                auditIDs: [])
            let alien = FernetKey.generate().seal(payload.encoded, seconds: 0)
            for token in [String(letters), alien, "rubbish", "", String(repeating: "A", count: 6000)] {
                #expect(try await keystone.ask(.get, "/v3/auth/projects", token: token).status == 401)
            }
            // Expired.
            let known = try #require(keystone.keys.open(ann).flatMap(TokenPayload.init(decoding:)))
            var old = known
            old.issuedAt = .now() - .seconds(7200)
            old.expiresAt = .now() - .seconds(1)
            let expired = keystone.keys.seal(old.encoded, at: old.issuedAt)
            #expect(try await keystone.ask(.get, "/v3/auth/projects", token: expired).status == 401)
            #expect(try await keystone.ask(.get, "/v3/auth/projects", token: ann).status == 200)
        }
    }

    @Test func rotatingKeysUnderLoadRefusesNobody() async throws {
        try await KeystoneFixture.with { keystone in
            let old = try await keystone.admin()
            for _ in 0..<3 {
                try keystone.keys.rotate(keeping: 6)
                let new = try await keystone.admin()
                for token in [old, new] {
                    #expect(try await keystone.ask(.get, "/v3/auth/projects", token: token).status == 200)
                }
            }
        }
    }

    @Test func removingARoleOrDisablingAUserWorksOnTheNextCall() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            let (user, project, grant) = try await keystone.member("ann", admin)
            let token = try await keystone.login(KeystoneFixture.password("ann", "pw")).token
            #expect(try await keystone.ask(.get, "/v3/projects/\(project)", token: token).status == 200)
            #expect(try await keystone.ask(.delete, grant, token: admin).status == 204)
            #expect(try await keystone.ask(.get, "/v3/projects/\(project)", token: token).status == 401)
            try await keystone.ask(.put, grant, token: admin)
            #expect(try await keystone.ask(.get, "/v3/projects/\(project)", token: token).status == 200)
            try await keystone.ask(.patch, "/v3/users/\(user)", token: admin, ["user": ["enabled": false]])
            #expect(try await keystone.ask(.get, "/v3/projects/\(project)", token: token).status == 401)
            #expect(try await keystone.ask(.post, "/v3/auth/tokens", KeystoneFixture.password("ann", "pw")).status == 401)
        }
    }

    @Test func aChangeMadeByAnotherProcessIsSeenWithinASecond() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            let (user, _, _) = try await keystone.member("ann", admin)
            let token = try await keystone.login(KeystoneFixture.password("ann", "pw")).token
            #expect(try await keystone.ask(.get, "/v3/auth/projects", token: token).status == 200)
            try await keystone.database.query("DELETE FROM keystone.assignments WHERE user_id = \(user)")
            let deadline = ContinuousClock.now + .seconds(5)
            var status = 200
            while status == 200, .now < deadline {
                status = try await keystone.ask(.get, "/v3/auth/projects", token: token).status
            }
            #expect(status == 401)
        }
    }

    @Test func changingThePasswordEndsTheOldTokens() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            let (user, _, _) = try await keystone.member("ann", admin)
            let token = try await keystone.login(KeystoneFixture.password("ann", "pw")).token
            let path = "/v3/users/\(user)/password"
            #expect(
                try await keystone.ask(.post, path, token: token, ["user": ["original_password": "no", "password": "new"]])
                    .status == 401)
            #expect(
                try await keystone.ask(.post, path, token: token, ["user": ["original_password": "pw", "password": "new"]])
                    .status == 204)
            #expect(try await keystone.ask(.get, "/v3/auth/projects", token: token).status == 401)
            #expect(try await keystone.ask(.post, "/v3/auth/tokens", KeystoneFixture.password("ann", "pw")).status == 401)
            _ = try await keystone.login(KeystoneFixture.password("ann", "new"))
        }
    }

    @Test func revocationsOfTokensThatHaveExpiredAreForgotten() async throws {
        try await KeystoneFixture.with { keystone in
            try await keystone.database.query(
                "INSERT INTO keystone.revocations VALUES ('old', \(Timestamp.now() - .seconds(1)))")
            let token = try await keystone.admin()
            try await keystone.ask(.delete, "/v3/auth/tokens", token: token, subject: token)
            let rows = try await keystone.database.query("SELECT audit_id FROM keystone.revocations")
            #expect(rows.count == 1)
        }
    }
}
