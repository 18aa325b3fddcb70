/// The body of `POST /v3/auth/tokens`.
enum AuthenticationBody {
    static func json(_ settings: CloudSettings) -> JSON {
        var auth: [String: JSON] = ["identity": identity(settings.credentials)]
        switch settings.scope {
        case .project(let id, let name, let domain):
            var project: [String: JSON] = [:]
            if let id { project["id"] = .string(id) }
            if id == nil, let name {
                project["name"] = .string(name)
                project["domain"] = json(domain)
            }
            auth["scope"] = .object(["project": .object(project)])
        case .domain(let domain): auth["scope"] = .object(["domain": json(domain)])
        case .system: auth["scope"] = .object(["system": .object(["all": .bool(true)])])
        case .unscoped: auth["scope"] = nil
        }
        return .object(["auth": .object(auth)])
    }

    private static func identity(_ credentials: CloudSettings.Credentials) -> JSON {
        switch credentials {
        case .token(let token): return .object(["methods": .array(["token"]), "token": .object(["id": .string(token)])])
        case .password(let name, let password):
            var user: [String: JSON] = ["password": .string(password)]
            if let id = name.id {
                user["id"] = .string(id)
            } else if let name_ = name.name {
                user["name"] = .string(name_)
                user["domain"] = json(name.domain)
            }
            return .object(["methods": .array(["password"]), "password": .object(["user": .object(user)])])
        }
    }

    private static func json(_ domain: CloudSettings.DomainName) -> JSON {
        if let id = domain.id { return .object(["id": .string(id)]) }
        return .object(["name": .string(domain.name ?? "Default")])
    }
}
