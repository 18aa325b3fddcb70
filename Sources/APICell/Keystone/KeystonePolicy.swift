import APIConventions
import CloudModel

/// Who may do what, in oslo.policy's language, under Keystone's own names. An operator's policy file overrides single rules.
enum KeystonePolicy {
    /// What the target has where a rule is asked about.
    static func targets(_ rule: String) -> Set<String> {
        switch rule {
        case "owner_of_token", "identity:validate_token", "identity:revoke_token": ["target.token.user_id"]
        case "identity:get_user", "identity:change_password", "identity:list_user_projects": ["user_id"]
        case "identity:get_domain": ["domain_id"]
        case "identity:get_project", "identity:list_project_tags", "identity:get_project_tag", "identity:update_project_tags",
            "identity:create_project_tag", "identity:delete_project_tag", "identity:delete_project_tags":
            ["project_id"]
        default: []
        }
    }

    static let defaults: [String: String] = {
        var rules: [String: String] = [
            "owner_of_token": "user_id:%(target.token.user_id)s",
            "service_or_admin": "role:service or rule:admin_required",
            "identity:validate_token": "rule:service_or_admin or rule:owner_of_token",
            "identity:revoke_token": "rule:admin_required or rule:owner_of_token",
            "identity:get_user": "rule:admin_or_owner",
            "identity:change_password": "rule:admin_or_owner",
            "identity:list_user_projects": "rule:admin_or_owner",
            "identity:get_project": "rule:admin_required or project_id:%(project_id)s",
            "identity:list_project_tags": "rule:admin_required or project_id:%(project_id)s",
            "identity:get_project_tag": "rule:admin_required or project_id:%(project_id)s",
            "identity:get_domain": "rule:admin_required or project_domain_id:%(domain_id)s or user_domain_id:%(domain_id)s",
            "identity:get_region": "@",
            "identity:list_regions": "@",
        ]
        let forAdmins = [
            "user", "project", "domain", "role", "service", "endpoint", "region",
        ].flatMap { noun in ["create_\(noun)", "update_\(noun)", "delete_\(noun)", "get_\(noun)", "list_\(noun)s"] }
        for name in forAdmins + [
            "list_role_assignments", "check_grant", "list_grants", "create_grant", "revoke_grant", "list_role_inference_rules",
            "list_implied_roles", "get_implied_role", "check_implied_role", "create_implied_role", "delete_implied_role",
            "update_project_tags", "create_project_tag", "delete_project_tag", "delete_project_tags",
        ]
        where rules["identity:\(name)"] == nil {
            rules["identity:\(name)"] = "rule:admin_required"
        }
        return rules
    }()
}
