import APIConventions
import CloudModel
import Testing

@Suite struct PolicyTests {
    func caller(_ roles: Set<String>, project: ProjectID? = "p1") -> Caller {
        Caller(userID: "u1", userName: "ann", projectID: project, roles: roles, expiresAt: .now())
    }

    /// Rules whose target may have all that these tests ask for.
    func rules(_ defaults: [String: String], overrides: [String: String] = [:]) throws -> Policy {
        try Policy(
            defaults: defaults, targets: { _ in ["project_id", "user_id", "visibility", "enabled"] }, overrides: overrides)
    }

    func allows(_ rule: String, _ caller: Caller, _ target: [String: String] = [:]) throws -> Bool {
        try rules(["x": rule]).allows("x", by: caller, on: target)
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
        let mistake = #expect(throws: PolicyMistake.self) { try rules(["x": "@"], overrides: ["x": text]) }
        #expect(mistake?.rule == "x")
    }

    @Test func loopsAreRefused() {
        #expect(throws: PolicyMistake.self) { try rules(["a": "rule:b", "b": "not rule:a"]) }
        let mistake = #expect(throws: PolicyMistake.self) {
            try rules(["a": "rule:b", "b": "rule:c", "c": "@"], overrides: ["c": "not rule:a"])
        }
        #expect(mistake == PolicyMistake(rule: "c", sentence: "It refers to itself."), "whoever closed the circle is blamed")
    }

    @Test func whatNobodyKnowsIsRefusedByName() {
        let defaults = ["compute:servers:show": "@", "compute:servers:create": "@", "compute:limits": "@"]
        let mistake = #expect(throws: PolicyMistake.self) {
            try rules(defaults, overrides: ["compute:servers:shew": "role:admin"])
        }
        #expect(mistake?.rule == "compute:servers:shew")
        #expect(
            mistake?.sentence
                == "There is no such rule, and no rule refers to it. Known are compute:servers:create, compute:servers:show.")
    }

    @Test func operatorsMayNameRulesOfTheirOwn() throws {
        let policy = try rules(
            ["compute:x": "@"], overrides: ["support": "role:support or role:admin", "compute:x": "rule:support"])
        #expect(policy.allows("compute:x", by: caller(["support"])))
        #expect(!policy.allows("compute:x", by: caller(["member"])))
        let mistake = #expect(throws: PolicyMistake.self) {
            try rules(["compute:x": "@"], overrides: ["compute:x": "rule:supporters"])
        }
        #expect(mistake == PolicyMistake(rule: "compute:x", sentence: "It refers to rule:supporters, which doesn't exist."))
    }

    @Test(arguments: ["admin_api", "context_is_admin", "project_member_or_admin", "project_reader_api"])
    func rulesOfOpenStacksFilesMayBeReferredTo(_ name: String) throws {
        let policy = try rules(["compute:x": "!"], overrides: ["compute:x": "rule:\(name)"])
        #expect(policy.allows("compute:x", by: caller(["admin"]), on: ["project_id": "p1"]))
        #expect(!policy.allows("compute:x", by: caller([]), on: ["project_id": "p1"]))
    }

    @Test func overridesWinAndRefusalsAreInOpenStacksWords() throws {
        let policy = try rules(["compute:x": "@"], overrides: ["compute:x": "role:admin"])
        let error = #expect(throws: CloudError.self) { try policy.enforce("compute:x", by: caller(["member"])) }
        #expect(error?.message == "Policy doesn't allow compute:x to be performed.")
        #expect(error?.code == .forbidden)
        try policy.enforce("compute:x", by: caller(["admin"]))
        #expect(throws: CloudError.self) { try policy.enforce("compute:unknown", by: caller(["member"])) }
    }

    @Test func rolesAreComparedWithoutTheirCase() throws {
        #expect(try allows("role:support", caller(["Support"])))
        #expect(try allows("role:SUPPORT", caller(["support"])))
        #expect(try !allows("not role:Support", caller(["SUPPORT"])))
        #expect(try allows("role:reader", caller(["Member"])))
        let own = try Policy(
            defaults: ["x": "role:helper"], targets: { _ in [] }, implied: ["Boss": "Helper"])
        #expect(own.allows("x", by: caller(["BOSS"])))
    }

    private func mistake(_ overrides: [String: String]) -> PolicyMistake? {
        #expect(throws: PolicyMistake.self) {
            try Policy(
                defaults: ["compute:keys": "rule:owner", "compute:servers": "rule:project_member", "compute:limits": "@"],
                targets: { rule in
                    switch rule {
                    case "compute:keys": ["project_id", "user_id"]
                    case "compute:servers": ["project_id"]
                    default: []
                    }
                }, overrides: overrides)
        }
    }

    @Test func whatNobodySuppliesIsRefusedRatherThanNegated() {
        #expect(
            mistake(["compute:servers": "not 'admin':%(target.role.name)s"])
                == PolicyMistake(
                    rule: "compute:servers",
                    sentence: "Where compute:servers is decided there is no %(target.role.name)s. Known is %(project_id)s."))
        #expect(
            mistake(["compute:limits": "role:member and not project_id:%(project_id)s"])
                == PolicyMistake(
                    rule: "compute:limits",
                    sentence: "Where compute:limits is decided there is no %(project_id)s. "
                        + "Nothing is known of the target there."))
        #expect(
            mistake(["compute:limits": "not user_name:bob"])
                == PolicyMistake(
                    rule: "compute:limits",
                    sentence: "Of a caller nobody knows user_name. Known are user_id, project_id, tenant_id, tenant, "
                        + "user_domain_id, project_domain_id, domain_id, system_scope, is_admin."))
    }

    @Test(arguments: ["rule:owner", "rule:admin_or_owner", "@ or user_id:%(user_id)s"])
    func aTargetWithoutAUserHasNoOwner(_ rule: String) {
        #expect(
            mistake(["compute:servers": rule])
                == PolicyMistake(
                    rule: "compute:servers",
                    sentence: "Where compute:servers is decided there is no %(user_id)s. Known is %(project_id)s."))
    }

    @Test func theRuleWithTheUnknownAttributeIsBlamed() {
        #expect(mistake(["mine": "user_id:%(user_id)s", "compute:servers": "rule:mine"])?.rule == "mine")
        #expect(mistake(["compute:keys": "rule:mine", "mine": "not is_root:True"])?.rule == "mine")
        #expect(mistake(["project_member": "user_id:%(user_id)s"])?.rule == "project_member")
        #expect(throws: PolicyMistake.self) { try Policy(defaults: ["x": "a:b"], targets: { _ in [] }) }
        #expect(throws: PolicyMistake.self) { try Policy(defaults: ["x": "rule:owner"], targets: { _ in ["project_id"] }) }
    }
}
