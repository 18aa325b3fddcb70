import APIConventions
import CloudModel
import Tokens

extension JSONWriter {
    /// `{"token": {…}}` as Keystone writes it. `catalog` is JSON; nil leaves it out (unscoped tokens, `?nocatalog`).
    mutating func token(_ token: ValidToken, catalog: String?) {
        let subject = token.subject
        object("token") {
            $0.array("methods") { for method in Self.methods(token.payload.methods) { $0.element(method) } }
            $0.object("user") {
                $0.field("id", subject.userID)
                $0.field("name", subject.userName)
                $0.object("domain") { $0.domain(subject.userDomain) }
                $0.null("password_expires_at")
            }
            $0.field("audit_ids", token.payload.auditIDs)
            $0.field("expires_at", token.payload.expiresAt.description)
            $0.field("issued_at", token.payload.issuedAt.description)
            switch subject.scope {
            case .unscoped: break
            case .project(let project):
                $0.object("project") {
                    $0.field("id", project.id)
                    $0.field("name", project.name)
                    $0.object("domain") { $0.domain(project.domain) }
                }
                $0.field("is_domain", false)
            case .domain(let domain): $0.object("domain") { $0.domain(domain) }
            case .system: $0.object("system") { $0.field("all", true) }
            }
            if subject.scope != .unscoped {
                $0.array("roles") {
                    for role in subject.roles {
                        $0.object {
                            $0.field("id", role.id)
                            $0.field("name", role.name)
                        }
                    }
                }
                if let catalog { $0.field("catalog", rawJSON: catalog) }
            }
        }
    }

    mutating func domain(_ domain: NamedDomain) {
        field("id", domain.id)
        field("name", domain.name)
    }

    /// The password first: clients look there.
    private static func methods(_ methods: TokenPayload.Methods) -> [String] { methods.names.sorted() }
}
