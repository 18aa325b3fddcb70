package import CloudModel

/// Which caller may do what: rules in oslo.policy's language, defaults in each service's code, overridden by the operator.
///
/// Roles imply each other, admin → manager → member → reader, so `role:reader` also admits a member.
package struct Policy: Sendable {
    package static let impliedRoles: [String: String] = ["admin": "manager", "manager": "member", "member": "reader"]

    private let rules: [String: PolicyCheck]
    /// For each role, the roles that satisfy it.
    private let satisfying: [String: Set<String>]

    /// `defaults` as `["compute:servers:create": "rule:project_member"]`; `overrides` has the same form (a policy.yaml's content)
    /// and wins. An override may also be a rule of the operator's own that others refer to. Throws for a rule that can't be read, that
    /// nobody knows, that refers to one that doesn't exist, or to itself.
    package init(
        defaults: [String: String], overrides: [String: String] = [:], implied: [String: String] = Policy.impliedRoles
    ) throws(PolicyMistake) {
        var rules: [String: PolicyCheck] = [:]
        let known = Self.common.merging(defaults, uniquingKeysWith: { $1 })
        for (name, text) in known.merging(overrides, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
            do throws(CloudError) {
                rules[name] = try PolicyCheck(parsing: text)
            } catch {
                throw PolicyMistake(rule: name, sentence: error.message)
            }
        }
        let referred = Set(rules.values.flatMap(\.referredRules))
        for name in overrides.keys.sorted() where known[name] == nil && !referred.contains(name) {
            throw PolicyMistake(
                rule: name, sentence: "There is no such rule, and no rule refers to it.\(Self.neighbours(name, known))")
        }
        for name in rules.keys.sorted() { try Self.refuseLoops(name, in: rules, path: [name], overrides) }
        self.rules = rules
        var satisfying: [String: Set<String>] = [:]
        for role in Set(implied.keys).union(implied.values) {
            var lower: String? = role
            var steps = 0
            while let name = lower, steps <= implied.count {
                satisfying[name, default: [name]].insert(role)
                lower = implied[name]
                steps += 1
            }
        }
        self.satisfying = satisfying
    }

    /// Rules that every service may refer to.
    private static let common: [String: String] = [
        "admin_required": "role:admin",
        "owner": "user_id:%(user_id)s",
        "admin_or_owner": "role:admin or user_id:%(user_id)s",
        "project_reader": "role:reader and project_id:%(project_id)s",
        "project_member": "role:member and project_id:%(project_id)s",
        "project_manager": "role:manager and project_id:%(project_id)s",
        "project_reader_or_admin": "rule:project_reader or rule:admin_required",
        "project_member_or_admin": "rule:project_member or rule:admin_required",
        // What Nova's and Glance's own files call them.
        "admin_api": "rule:admin_required",
        "context_is_admin": "rule:admin_required",
        "project_reader_api": "rule:project_reader",
        "project_member_api": "rule:project_member",
        "project_manager_api": "rule:project_manager",
    ]

    /// Throws 403 `Policy doesn't allow <action> to be performed.` unless the caller may. An action without a rule is for admins.
    package func enforce(_ action: String, by caller: Caller, on target: [String: String] = [:]) throws(CloudError) {
        guard allows(action, by: caller, on: target) else {
            throw CloudError(.forbidden, "Policy doesn't allow \(action) to be performed.")
        }
    }

    package func allows(_ action: String, by caller: Caller, on target: [String: String] = [:]) -> Bool {
        guard let check = rules[action] else { return has("admin", caller) }
        return passes(check, caller, target)
    }

    private func passes(_ check: PolicyCheck, _ caller: Caller, _ target: [String: String]) -> Bool {
        switch check {
        case .always: true
        case .never: false
        case .role(let role): has(role, caller)
        case .rule(let name): rules[name].map { passes($0, caller, target) } ?? false
        case .not(let inner): !passes(inner, caller, target)
        case .all(let checks): checks.allSatisfy { passes($0, caller, target) }
        case .any(let checks): checks.contains { passes($0, caller, target) }
        case .matches(let left, let right):
            if let left = value(left, caller, target), let right = value(right, caller, target) { left == right } else { false }
        }
    }

    private func has(_ role: String, _ caller: Caller) -> Bool {
        if caller.roles.contains(role) { return true }
        guard let others = satisfying[role] else { return false }
        return !caller.roles.isDisjoint(with: others)
    }

    private func value(_ operand: PolicyCheck.Operand, _ caller: Caller, _ target: [String: String]) -> String? {
        switch operand {
        case .literal(let text): text
        case .target(let name): target[name]
        case .caller(let name):
            switch name {
            case "user_id": caller.userID.rawValue
            case "project_id", "tenant_id", "tenant": caller.projectID?.rawValue
            case "user_domain_id": caller.userDomainID.rawValue
            case "project_domain_id": caller.projectDomainID?.rawValue
            case "domain_id": caller.domainID?.rawValue
            case "system_scope": caller.isSystemScoped ? "all" : nil
            case "is_admin": caller.isAdmin ? "True" : "False"
            default: nil
            }
        }
    }

    /// `path` leads from a rule to `name`. Whoever is blamed for what is wrong on it is the last that an operator has written.
    private static func refuseLoops(
        _ name: String, in rules: [String: PolicyCheck], path: [String], _ overrides: [String: String]
    ) throws(PolicyMistake) {
        let culprit = path.last { overrides[$0] != nil } ?? path[0]
        for inner in rules[name]?.referredRules ?? [] {
            guard rules[inner] != nil else {
                throw PolicyMistake(rule: name, sentence: "It refers to rule:\(inner), which doesn't exist.")
            }
            guard !path.contains(inner) else { throw PolicyMistake(rule: culprit, sentence: "It refers to itself.") }
            try refuseLoops(inner, in: rules, path: path + [inner], overrides)
        }
    }

    /// The known rules that begin as this one does.
    private static func neighbours(_ name: String, _ known: [String: String]) -> String {
        guard let colon = name.lastIndex(of: ":") else { return "" }
        let near = known.keys.filter { $0.hasPrefix(name[...colon]) }.sorted()
        return near.isEmpty ? "" : " Known are \(near.joined(separator: ", "))."
    }
}

/// A rule of an operator's (or, a mistake in our own code, a default) that won't do.
package struct PolicyMistake: Error, Sendable, Equatable, CustomStringConvertible {
    package let rule: String
    package let sentence: String

    package init(rule: String, sentence: String) {
        self.rule = rule
        self.sentence = sentence
    }

    package var description: String { "The policy rule \(rule): \(sentence)" }
}

extension PolicyCheck {
    fileprivate var referredRules: [String] {
        switch self {
        case .rule(let name): [name]
        case .not(let check): check.referredRules
        case .all(let checks), .any(let checks): checks.flatMap(\.referredRules)
        case .always, .never, .role, .matches: []
        }
    }
}
