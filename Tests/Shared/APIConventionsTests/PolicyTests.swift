import APIConventions
import CloudModel
import Testing

@Suite struct PolicyTests {
    func caller(_ roles: Set<String>, project: ProjectID? = "p1") -> Caller {
        Caller(userID: "u1", userName: "ann", projectID: project, roles: roles, expiresAt: .now())
    }

    func allows(_ rule: String, _ caller: Caller, _ target: [String: String] = [:]) throws -> Bool {
        try Policy(defaults: ["x": rule]).allows("x", by: caller, on: target)
    }

    @Test func rolesImplyEachOther() throws {
        #expect(try allows("role:reader", caller(["admin"])))
        #expect(try allows("role:member", caller(["manager"])))
        #expect(try !allows("role:member", caller(["reader"])))
        #expect(try !allows("role:admin", caller(["manager"])))
        #expect(try !allows("role:reader", caller([])))
        #expect(try allows("role:auditor", caller(["auditor"])))
    }

    @Test func attributesAreCompared() throws {
        #expect(try allows("project_id:%(project_id)s", caller(["member"]), ["project_id": "p1"]))
        #expect(try !allows("project_id:%(project_id)s", caller(["member"]), ["project_id": "p2"]))
        #expect(try !allows("project_id:%(project_id)s", caller(["member"])))
        #expect(try !allows("project_id:%(project_id)s", caller(["member"], project: nil), ["project_id": "p2"]))
        #expect(try allows("user_id:%(user_id)s", caller([]), ["user_id": "u1"]))
        #expect(try allows("'public':%(visibility)s", caller([]), ["visibility": "public"]))
        #expect(try allows("True:%(enabled)s", caller([]), ["enabled": "True"]))
        #expect(try !allows("unknown_thing:%(x)s", caller([]), ["x": "1"]))
    }

    @Test func andBindsTighterThanOrAndNotIsClosest() throws {
        #expect(try allows("@ or ! and !", caller([])))
        #expect(try !allows("(@ or !) and !", caller([])))
        #expect(try allows("not ! and @", caller([])))
        #expect(try allows("not (role:member and role:admin)", caller(["member"])))
        #expect(try allows("", caller([])))
        #expect(
            try allows(
                "(role:admin) or ((role:member and project_id:%(project_id)s))", caller(["member"]), ["project_id": "p1"]))
    }

    @Test(arguments: ["role:", "and", "role:a role:b", "(role:a", "role:a)", "nonsense", "not", "rule:missing"])
    func whatCannotBeReadIsRefused(_ text: String) {
        let mistake = #expect(throws: PolicyMistake.self) { try Policy(defaults: ["x": "@"], overrides: ["x": text]) }
        #expect(mistake?.rule == "x")
    }

    @Test func loopsAreRefused() {
        #expect(throws: PolicyMistake.self) { try Policy(defaults: ["a": "rule:b", "b": "not rule:a"]) }
        let mistake = #expect(throws: PolicyMistake.self) {
            try Policy(defaults: ["a": "rule:b", "b": "rule:c", "c": "@"], overrides: ["c": "not rule:a"])
        }
        #expect(mistake == PolicyMistake(rule: "c", sentence: "It refers to itself."), "whoever closed the circle is blamed")
    }

    @Test func whatNobodyKnowsIsRefusedByName() {
        let defaults = ["compute:servers:show": "@", "compute:servers:create": "@", "compute:limits": "@"]
        let mistake = #expect(throws: PolicyMistake.self) {
            try Policy(defaults: defaults, overrides: ["compute:servers:shew": "role:admin"])
        }
        #expect(mistake?.rule == "compute:servers:shew")
        #expect(
            mistake?.sentence
                == "There is no such rule, and no rule refers to it. Known are compute:servers:create, compute:servers:show.")
    }

    @Test func operatorsMayNameRulesOfTheirOwn() throws {
        let policy = try Policy(
            defaults: ["compute:x": "@"], overrides: ["support": "role:support or role:admin", "compute:x": "rule:support"])
        #expect(policy.allows("compute:x", by: caller(["support"])))
        #expect(!policy.allows("compute:x", by: caller(["member"])))
        let mistake = #expect(throws: PolicyMistake.self) {
            try Policy(defaults: ["compute:x": "@"], overrides: ["compute:x": "rule:supporters"])
        }
        #expect(mistake == PolicyMistake(rule: "compute:x", sentence: "It refers to rule:supporters, which doesn't exist."))
    }

    @Test(arguments: ["admin_api", "context_is_admin", "project_member_or_admin", "project_reader_api"])
    func rulesOfOpenStacksFilesMayBeReferredTo(_ name: String) throws {
        let policy = try Policy(defaults: ["compute:x": "!"], overrides: ["compute:x": "rule:\(name)"])
        #expect(policy.allows("compute:x", by: caller(["admin"]), on: ["project_id": "p1"]))
        #expect(!policy.allows("compute:x", by: caller([]), on: ["project_id": "p1"]))
    }

    @Test func overridesWinAndRefusalsAreInOpenStacksWords() throws {
        let policy = try Policy(defaults: ["compute:x": "@"], overrides: ["compute:x": "role:admin"])
        let error = #expect(throws: CloudError.self) { try policy.enforce("compute:x", by: caller(["member"])) }
        #expect(error?.message == "Policy doesn't allow compute:x to be performed.")
        #expect(error?.code == .forbidden)
        try policy.enforce("compute:x", by: caller(["admin"]))
        #expect(throws: CloudError.self) { try policy.enforce("compute:unknown", by: caller(["member"])) }
    }
}
