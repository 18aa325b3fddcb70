import APIConventions
import CloudModel
import Database
import Foundation
import HTTPTypes
import Keystone
import Testing

@Suite struct DirectoryTests {
    @Test func bootstrappingTwiceChangesNothing() async throws {
        try await KeystoneFixture.with { keystone in
            func state() async throws -> [String] {
                var all: [String] = []
                for table in [
                    "domains", "projects", "users", "roles", "role_implications", "assignments", "regions", "services",
                    "endpoints",
                ] {
                    let rows = try await keystone.database.query(
                        "SELECT t::text AS line FROM keystone.\(unsafe: table) t ORDER BY 1")
                    all += try rows.map { "\(table): \(try $0.get("line") as String)" }
                }
                return all
            }
            let before = try await state()
            let made = try await keystone.service.bootstrap(
                adminPassword: "secret", publicURLs: KeystoneFixture.urls,
                regions: ["london", "amsterdam", "tunis"].map {
                    AddRegion($0, urls: ["compute": "http://top:8774/regions/\($0)/v2.1"])
                })
            #expect(made.isEmpty)
            #expect(try await state() == before)
            try await keystone.database.migrate(KeystoneMigrations.all, schema: KeystoneMigrations.schema)
            #expect(try await state() == before)
            let changed = try await keystone.service.bootstrap(adminPassword: "other", publicURLs: KeystoneFixture.urls)
            #expect(changed == ["password of admin"])
            _ = try await keystone.login(KeystoneFixture.password("admin", "other"))
        }
    }

    @Test func versionsAreDiscovered() async throws {
        try await KeystoneFixture.with { keystone in
            let all = try await keystone.ask(.get, "/")
            #expect(all.status == 300)
            let version = try #require(all.body["versions"]?["values"]?.array?.first)
            for key in ["id", "links", "media-types", "status", "updated"] { #expect(version[key] != nil) }
            #expect(version["id"]?.string?.hasPrefix("v3") == true)
            for path in ["/v3", "/v3/"] {
                let one = try await keystone.ask(.get, path)
                #expect(one.status == 200)
                #expect(one.body["version"] == version)
                #expect(one.body["version"]?["links"]?.array?.first?["href"] == "http://top:5000/v3/")
                #expect(
                    one.body["version"]?["media-types"]?.array?.first?["type"] == "application/vnd.openstack.identity-v3+json")
            }
        }
    }

    @Test func projectsAreMadeListedChangedAndDeleted() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            let made = try await keystone.ask(
                .post, "/v3/projects", token: admin,
                ["project": ["name": "demo", "description": "d", "domain_id": "default", "tags": ["a", "b"], "contact": "me"]])
            #expect(made.status == 201)
            let project = try #require(made.body["project"])
            let id = try #require(project["id"]?.string)
            #expect(project["parent_id"] == "default")
            #expect(project["contact"] == "me")
            #expect(project["tags"] == ["a", "b"])
            #expect(project["links"]?["self"]?.string == "http://top:5000/v3/projects/\(id)")
            #expect(try await keystone.ask(.post, "/v3/projects", token: admin, ["project": ["name": "demo"]]).status == 409)
            #expect(try await keystone.ask(.post, "/v3/projects", token: admin, ["project": ["name": ""]]).status == 400)
            #expect(
                try await keystone.ask(.post, "/v3/projects", token: admin, ["project": ["name": "x", "domain_id": "none"]])
                    .status == 404)
            #expect(try await keystone.ask(.get, "/v3/projects?name=demo", token: admin).body["projects"] == .array([project]))
            let page = try await keystone.ask(.get, "/v3/projects?limit=1", token: admin)
            #expect(page.body["projects"]?.array?.count == 1)
            let next = try #require(page.body["links"]?["next"]?.string)
            #expect(
                try await keystone.ask(.get, String(next.dropFirst("http://top:5000".count)), token: admin).body["projects"]?
                    .array?.count == 1)
            let patched = try await keystone.ask(
                .patch, "/v3/projects/\(id)", token: admin, ["project": ["description": "new", "contact": .null]])
            #expect(patched.body["project"]?["description"] == "new")
            #expect(patched.body["project"]?["contact"] == nil)
            #expect(try await keystone.ask(.delete, "/v3/projects/\(id)", token: admin).status == 204)
            #expect(try await keystone.ask(.get, "/v3/projects/\(id)", token: admin).status == 404)
            #expect(try await keystone.ask(.delete, "/v3/projects/\(id)", token: admin).status == 404)
        }
    }

    @Test func usersAreMadeListedChangedAndDeleted() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            let made = try await keystone.ask(
                .post, "/v3/users", token: admin,
                ["user": ["name": "ann", "password": "pw", "email": "a@example.org", "domain_id": "default"]])
            #expect(made.status == 201)
            let user = try #require(made.body["user"])
            let id = try #require(user["id"]?.string)
            #expect(user["email"] == "a@example.org")
            #expect(!user.text.contains("pw"))
            #expect(!user.text.contains("scrypt"))
            #expect(try await keystone.ask(.post, "/v3/users", token: admin, ["user": ["name": "ann"]]).status == 409)
            #expect(try await keystone.ask(.get, "/v3/users?name=ann", token: admin).body["users"] == .array([user]))
            #expect(try await keystone.ask(.get, "/v3/users?name=nobody", token: admin).body["users"] == [])
            let patched = try await keystone.ask(
                .patch, "/v3/users/\(id)", token: admin, ["user": ["name": "anna", "password": "new"]])
            #expect(patched.body["user"]?["name"] == "anna")
            let token = try await keystone.login(KeystoneFixture.password("anna", "new")).token
            #expect(try await keystone.ask(.get, "/v3/users/\(id)", token: token).status == 200)
            #expect(try await keystone.ask(.get, "/v3/users", token: token).status == 403)
            #expect(try await keystone.ask(.patch, "/v3/users/\(id)", token: token, ["user": ["name": "root"]]).status == 403)
            #expect(try await keystone.ask(.delete, "/v3/users/\(id)", token: admin).status == 204)
            #expect(try await keystone.ask(.get, "/v3/users/\(id)", token: token).status == 401)
        }
    }

    @Test func rolesAreGivenCheckedListedAndTaken() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            let (user, project, grant) = try await keystone.member("ann", admin)
            #expect(try await keystone.ask(.put, grant, token: admin).status == 204, "twice is fine")
            #expect(try await keystone.ask(.head, grant, token: admin).status == 204)
            #expect(try await keystone.ask(.get, grant, token: admin).status == 204)
            let roles = try await keystone.ask(.get, "/v3/projects/\(project)/users/\(user)/roles", token: admin)
            #expect(roles.body["roles"]?.array?.map { $0["name"] } == ["member"])
            let given = try await keystone.ask(.get, "/v3/role_assignments?user.id=\(user)&include_names=true", token: admin)
            let assignment = try #require(given.body["role_assignments"]?.array?.first)
            #expect(assignment["role"]?["name"] == "member")
            #expect(assignment["user"]?["name"] == "ann")
            #expect(assignment["scope"]?["project"]?["id"]?.string == project)
            let effective = try await keystone.ask(
                .get, "/v3/role_assignments?scope.project.id=\(project)&effective", token: admin)
            #expect(effective.body["role_assignments"]?.array?.count == 2)
            let reader = try await keystone.role("reader", admin)
            for place in ["system", "domains/default"] {
                let path = "/v3/\(place)/users/\(user)/roles/\(reader)"
                #expect(try await keystone.ask(.head, path, token: admin).status == 404)
                #expect(try await keystone.ask(.put, path, token: admin).status == 204)
                #expect(try await keystone.ask(.head, path, token: admin).status == 204)
            }
            let mine = try await keystone.login(KeystoneFixture.password("ann", "pw", scope: ["domain": ["name": "Default"]]))
            #expect(mine.body["domain"]?["id"] == "default")
            #expect(mine.body["roles"]?.array?.map { $0["name"] } == ["reader"])
            #expect(try await keystone.ask(.get, "/v3/auth/domains", token: mine.token).body["domains"]?.array?.count == 1)
            #expect(
                try await keystone.ask(.get, "/v3/users/\(user)/projects", token: mine.token).body["projects"]?.array?.count
                    == 1)
            #expect(try await keystone.ask(.get, "/v3/role_assignments", token: mine.token).status == 403)
            #expect(try await keystone.ask(.delete, grant, token: admin).status == 204)
            #expect(try await keystone.ask(.delete, grant, token: admin).status == 404)
            #expect(
                try await keystone.ask(.put, "/v3/projects/nowhere/users/\(user)/roles/\(reader)", token: admin).status == 404)
            #expect(try await keystone.ask(.put, "/v3/system/users/\(user)/roles/none", token: admin).status == 404)
            let inferences = try await keystone.ask(.get, "/v3/role_inferences", token: admin).body["role_inferences"]?.array
            #expect(inferences?.map { $0["prior_role"]?["name"] } == ["admin", "manager", "member"])
        }
    }

    @Test func impliedRolesComeAndGoAtOnce() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            _ = try await keystone.member("ann", role: "reader", admin)
            let token = try await keystone.login(KeystoneFixture.password("ann", "pw")).token
            let auditor = try #require(
                try await keystone.ask(.post, "/v3/roles", token: admin, ["role": ["name": "auditor"]]).body["role"]?["id"]?
                    .string)
            let path = "/v3/roles/\(try await keystone.role("reader", admin))/implies/\(auditor)"
            func roles() async throws -> [JSONValue?]? {
                try await keystone.ask(.get, "/v3/auth/tokens", token: token, subject: token).body["token"]?["roles"]?.array?
                    .map { $0["name"] }
            }
            #expect(try await keystone.ask(.head, path, token: admin).status == 404)
            #expect(try await keystone.ask(.put, path, token: admin).status == 201)
            #expect(try await keystone.ask(.head, path, token: admin).status == 204)
            #expect(try await roles() == ["auditor", "reader"])
            #expect(try await keystone.ask(.delete, path, token: admin).status == 204)
            #expect(try await roles() == ["reader"])
            let escalation = "/v3/roles/\(auditor)/implies/\(try await keystone.role("admin", admin))"
            #expect(try await keystone.ask(.put, escalation, token: admin).status == 403)
        }
    }

    @Test func projectsHaveTags() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            let (_, project, _) = try await keystone.member("ann", admin)
            let path = "/v3/projects/\(project)/tags"
            #expect(try await keystone.ask(.put, path, token: admin, ["tags": ["a", "b", "a"]]).body["tags"] == ["a", "b"])
            #expect(try await keystone.ask(.put, "\(path)/c", token: admin).status == 201)
            #expect(try await keystone.ask(.head, "\(path)/c", token: admin).status == 204)
            #expect(try await keystone.ask(.delete, "\(path)/a", token: admin).status == 204)
            #expect(try await keystone.ask(.get, path, token: admin).body["tags"] == ["b", "c"])
            #expect(try await keystone.ask(.get, "/v3/projects?tags=b,c", token: admin).body["projects"]?.array?.count == 1)
            #expect(try await keystone.ask(.put, path, token: admin, ["tags": ["a,b"]]).status == 400)
            let token = try await keystone.login(KeystoneFixture.password("ann", "pw")).token
            #expect(try await keystone.ask(.put, "\(path)/d", token: token).status == 403)
        }
    }

    @Test func aProjectThatGoesTakesItsAssignmentsWithIt() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            let (user, project, _) = try await keystone.member("ann", admin)
            let token = try await keystone.login(KeystoneFixture.password("ann", "pw")).token
            try await keystone.ask(.delete, "/v3/projects/\(project)", token: admin)
            #expect(try await keystone.ask(.get, "/v3/auth/projects", token: token).status == 401)
            let rows = try await keystone.database.query("SELECT 1 FROM keystone.assignments WHERE user_id = \(user)")
            #expect(rows.isEmpty)
        }
    }

    @Test func aDomainMustBeDisabledBeforeItGoesAndTakesItsUsersWithIt() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            let id = try #require(
                try await keystone.ask(.post, "/v3/domains", token: admin, ["domain": ["name": "acme"]]).body["domain"]?["id"]?
                    .string)
            try await keystone.ask(
                .post, "/v3/users", token: admin, ["user": ["name": "admin", "password": "pw", "domain_id": .string(id)]])
            let body: JSONValue = [
                "auth": [
                    "identity": [
                        "methods": ["password"],
                        "password": ["user": ["name": "admin", "domain": ["name": "acme"], "password": "pw"]],
                    ]
                ]
            ]
            let token = try await keystone.login(body).token
            #expect(try await keystone.ask(.delete, "/v3/domains/\(id)", token: admin).status == 403)
            #expect(
                try await keystone.ask(.patch, "/v3/domains/\(id)", token: admin, ["domain": ["enabled": false]]).status == 200)
            #expect(try await keystone.ask(.get, "/v3/auth/projects", token: token).status == 401)
            #expect(try await keystone.ask(.delete, "/v3/domains/\(id)", token: admin).status == 204)
            #expect(try await keystone.ask(.get, "/v3/domains?name=acme", token: admin).body["domains"] == [])
            #expect(try await keystone.ask(.get, "/v3/domains?name=Default", token: admin).body["domains"]?.array?.count == 1)
        }
    }

    @Test func servicesEndpointsAndRegionsChangeTheCatalogAtOnce() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            #expect(
                try await keystone.ask(
                    .post, "/v3/regions", token: admin, ["region": ["id": "oslo", "parent_region_id": "meridian"]]
                ).status == 201)
            #expect(try await keystone.ask(.post, "/v3/regions", token: admin, ["region": ["id": "oslo"]]).status == 409)
            #expect(try await keystone.ask(.put, "/v3/regions/bergen", token: admin, ["region": [:]]).status == 201)
            let service = try #require(
                try await keystone.ask(
                    .post, "/v3/services", token: admin, ["service": ["type": "object-store", "name": "swift"]]
                )
                .body["service"]?["id"]?.string)
            let made = try await keystone.ask(
                .post, "/v3/endpoints", token: admin,
                [
                    "endpoint": [
                        "service_id": .string(service), "region": "oslo", "interface": "public",
                        "url": "http://swift/AUTH_$(project_id)s",
                    ]
                ])
            #expect(made.status == 201)
            let endpoint = try #require(made.body["endpoint"]?["id"]?.string)
            let (_, body) = try await keystone.login(KeystoneFixture.password("admin", "secret"))
            let url = body["catalog"]?.array?.first { $0["type"] == "object-store" }?["endpoints"]?.array?.first?["url"]?.string
            #expect(url == "http://swift/AUTH_\(body["project"]?["id"]?.string ?? "")")
            #expect(
                try await keystone.ask(
                    .post, "/v3/endpoints", token: admin,
                    ["endpoint": ["service_id": "none", "region": "oslo", "interface": "public", "url": "http://x"]]
                ).status == 400)
            #expect(try await keystone.ask(.delete, "/v3/regions/oslo", token: admin).status == 409)
            #expect(
                try await keystone.ask(.patch, "/v3/endpoints/\(endpoint)", token: admin, ["endpoint": ["enabled": false]])
                    .status == 200)
            #expect(try await keystone.ask(.delete, "/v3/endpoints/\(endpoint)", token: admin).status == 204)
            #expect(try await keystone.ask(.delete, "/v3/regions/oslo", token: admin).status == 204)
            #expect(try await keystone.ask(.delete, "/v3/services/\(service)", token: admin).status == 204)
        }
    }

    @Test func whatIsNotOfferedSaysSo() async throws {
        try await KeystoneFixture.with { keystone in
            let admin = try await keystone.admin()
            for path in ["/v3/groups", "/v3/groups/1/users", "/v3/OS-TRUST/trusts", "/v3/users/1/application_credentials"] {
                #expect(try await keystone.ask(.get, path, token: admin).status == 501)
            }
            #expect(try await keystone.ask(.get, "/v3/nonsense", token: admin).status == 404)
            #expect(try await keystone.ask(.get, "/v2.0/tokens").status == 404)
            #expect(try await keystone.ask(.put, "/v3/users", token: admin).status == 405)
            #expect(try await keystone.ask(.get, "/v3/users").status == 401)
        }
    }
}
