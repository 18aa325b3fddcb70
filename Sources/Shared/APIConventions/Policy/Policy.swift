package import CloudModel

/// Which caller may do what: rules in oslo.policy's language, defaults in each service's code, overridden by the operator.
///
/// Roles imply each other, admin → manager → member → reader, so `role:reader` also admits a member. Their case doesn't matter.
package struct Policy: Sendable {
    package static let impliedRoles: [String: String] = ["admin": "manager", "manager": "member", "member": "reader"]

    private let rules: [String: PolicyCheck]
    /// For each role, the roles that satisfy it. All in lower case.
    private let satisfying: [String: Set<String>]

    /// `defaults` as `["compute:servers:create": "rule:project_member"]`; `overrides` has the same form (a policy.yaml's content)
    /// and wins. An override may also be a rule of the operator's own that others refer to. `targets` names the attributes that the
    /// target has where one of the defaults is asked about. Throws for a rule that can't be read, that nobody knows, that refers to one
    /// that doesn't exist, or to itself, and for one that asks for what nobody supplies: its `not` would let everybody in.
    package init(
        defaults: [String: String], targets: (_ rule: String) -> Set<String>, overrides: [String: String] = [:],
        implied: [String: String] = Policy.impliedRoles
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
        let anywhere = defaults.keys.reduce(into: Set<String>()) { $0.formUnion(targets($1)) }
        for name in rules.keys.sorted() where defaults[name] != nil || overrides[name] != nil {
            let attributes = defaults[name] == nil ? anywhere : targets(name)
            try Self.refuseUnsupplied(attributes, in: rules, path: [name], overrides)
        }
        self.rules = rules
        var satisfying: [String: Set<String>] = [:]
        let implied = Dictionary(implied.map { ($0.lowercased(), $1.lowercased()) }, uniquingKeysWith: { first, _ in first })
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

    /// Whether everybody may, whatever the target: there is no need to ask.
    package func allowsAll(_ action: String) -> Bool { rules[action] == .always }

    /// `role` is in lower case, as checks are read.
    private func has(_ role: String, _ caller: Caller) -> Bool {
        let sufficient = satisfying[role] ?? [role]
        return caller.roles.contains { sufficient.contains($0) || sufficient.contains($0.lowercased()) }
    }

    private func value(_ operand: PolicyCheck.Operand, _ caller: Caller, _ target: [String: String]) -> String? {
        switch operand {
        case .literal(let text): text
        case .target(let name): target[name]
        case .caller(let name): CallerAttribute(rawValue: name)?.value(of: caller)
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

    /// `path` leads from a rule whose target has `attributes` to the one that is looked at. Blamed is who is for loops, too.
    private static func refuseUnsupplied(
        _ attributes: Set<String>, in rules: [String: PolicyCheck], path: [String], _ overrides: [String: String]
    ) throws(PolicyMistake) {
        guard let check = path.last.flatMap({ rules[$0] }) else { return }
        let culprit = path.last { overrides[$0] != nil } ?? path[0]
        for operand in check.operands {
            switch operand {
            case .literal: continue
            case .caller(let name):
                guard CallerAttribute(rawValue: name) == nil else { continue }
                let known = CallerAttribute.allCases.map(\.rawValue).joined(separator: ", ")
                throw PolicyMistake(rule: culprit, sentence: "Of a caller nobody knows \(name). Known are \(known).")
            case .target(let name):
                guard !attributes.contains(name) else { continue }
                let known = attributes.sorted().map { "%(\($0))s" }.joined(separator: ", ")
                throw PolicyMistake(
                    rule: culprit,
                    sentence: "Where \(path[0]) is decided there is no %(\(name))s. "
                        + (known.isEmpty ? "Nothing is known of the target there." : "Known is \(known)."))
            }
        }
        for inner in check.referredRules { try refuseUnsupplied(attributes, in: rules, path: path + [inner], overrides) }
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

    fileprivate var operands: [Operand] {
        switch self {
        case .matches(let left, let right): [left, right]
        case .not(let check): check.operands
        case .all(let checks), .any(let checks): checks.flatMap(\.operands)
        case .always, .never, .role, .rule: []
        }
    }
}
