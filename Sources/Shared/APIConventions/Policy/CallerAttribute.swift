import CloudModel

/// What a policy's check may ask of the caller. A name that isn't here is a mistake in the rule.
enum CallerAttribute: String, CaseIterable {
    case userID = "user_id"
    case projectID = "project_id"
    case tenantID = "tenant_id"
    case tenant
    case userDomainID = "user_domain_id"
    case projectDomainID = "project_domain_id"
    case domainID = "domain_id"
    case systemScope = "system_scope"
    case isAdmin = "is_admin"

    /// Nil where the caller's token has none, which equals nothing.
    func value(of caller: Caller) -> String? {
        switch self {
        case .userID: caller.userID.rawValue
        case .projectID, .tenantID, .tenant: caller.projectID?.rawValue
        case .userDomainID: caller.userDomainID.rawValue
        case .projectDomainID: caller.projectDomainID?.rawValue
        case .domainID: caller.domainID?.rawValue
        case .systemScope: caller.isSystemScoped ? "all" : nil
        case .isAdmin: caller.isAdmin ? "True" : "False"
        }
    }
}
