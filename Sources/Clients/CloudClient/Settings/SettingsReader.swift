/// Finds the settings of a cloud. Precedence, highest first: options, `OS_*` variables, `secure.yaml`, `clouds.yaml`.
///
/// Which cloud: `--os-cloud`, else `OS_CLOUD`, else the variables alone if they name an `OS_AUTH_URL`, else `meridian` (for
/// operators' verbs `meridian-admin`) if `clouds.yaml` has it, else the only one there is.
public struct SettingsReader: Sendable {
    let environment: [String: String]
    let files: CloudsFiles

    /// `workingDirectory` is where `clouds.yaml` is looked for first.
    public init(environment: [String: String], workingDirectory: String) {
        self.environment = environment
        files = CloudsFiles(environment: environment, workingDirectory: workingDirectory)
    }

    public func settings(_ options: CloudOptions = CloudOptions()) throws -> CloudSettings {
        guard let name = try chosenCloud(options) else { return try resolved("envvars", Layer([:], environment), options) }
        guard let cloud = try files.clouds()[name] else {
            let known = try files.clouds().keys.sorted()
            throw CloudClientError.settings(
                known.isEmpty
                    ? "Cloud \(name) was not found: there is no clouds.yaml in \(files.searched.joined(separator: ", "))."
                    : "Cloud \(name) was not found. clouds.yaml has: \(known.joined(separator: ", ")).")
        }
        return try resolved(name, Layer(cloud, environment), options)
    }

    private func chosenCloud(_ options: CloudOptions) throws -> String? {
        if let name = options.cloud ?? environment["OS_CLOUD"].nonEmpty { return name }
        if environment["OS_AUTH_URL"].nonEmpty != nil { return nil }
        let clouds = try files.clouds()
        if options.isForOperators, clouds["meridian-admin"] != nil { return "meridian-admin" }
        if clouds["meridian"] != nil { return "meridian" }
        if clouds.count == 1 { return clouds.keys.first }
        throw CloudClientError.settings(
            clouds.isEmpty
                ? "No cloud is named: there is no clouds.yaml in \(files.searched.joined(separator: ", ")), and OS_AUTH_URL is not set."
                : "Which cloud? Use --os-cloud or OS_CLOUD with one of: \(clouds.keys.sorted().joined(separator: ", ")).")
    }

    private func resolved(_ name: String, _ layer: Layer, _ options: CloudOptions) throws -> CloudSettings {
        guard let authURL = layer.auth("auth_url") else {
            throw CloudClientError.settings("Cloud \(name) has no auth_url: set it in clouds.yaml, or OS_AUTH_URL.")
        }
        let insecure = ["1", "true", "yes"].contains((layer.environment["OS_INSECURE"] ?? "").lowercased())
        return CloudSettings(
            name: name, authURL: authURL.trimmingSlashes, credentials: try credentials(name, layer), scope: scope(layer),
            region: options.region ?? layer.top("region_name"), interface: layer.top("interface") ?? "public",
            caFile: layer.top("cacert").map { CloudsFiles.expanded($0, environment) },
            verifiesCertificates: insecure ? false : layer.values["verify"]?.shown.lowercased() != "false",
            endpointOverrides: overrides(layer))
    }

    private func credentials(_ name: String, _ layer: Layer) throws -> CloudSettings.Credentials {
        let type =
            layer.top("auth_type") ?? (layer.auth("token") != nil && layer.auth("password") == nil ? "token" : "password")
        switch type {
        case "password", "v3password":
            guard let password = layer.auth("password") else {
                throw CloudClientError.settings(
                    "Cloud \(name) has no password: set auth.password in clouds.yaml, or OS_PASSWORD.")
            }
            let user = CloudSettings.UserName(
                id: layer.auth("user_id"), name: layer.auth("username"),
                domain: domain(layer, "user_domain_id", "user_domain_name"))
            guard user.id != nil || user.name != nil else {
                throw CloudClientError.settings(
                    "Cloud \(name) has no username: set auth.username in clouds.yaml, or OS_USERNAME.")
            }
            return .password(user: user, password: password)
        case "token", "v3token":
            guard let token = layer.auth("token") else {
                throw CloudClientError.settings("Cloud \(name) has no token: set auth.token in clouds.yaml, or OS_TOKEN.")
            }
            return .token(token)
        default:
            throw CloudClientError.settings("Cloud \(name) wants auth_type \(type); this client knows password and token.")
        }
    }

    private func scope(_ layer: Layer) -> CloudSettings.Scope {
        let id = layer.auth("project_id") ?? layer.auth("tenant_id")
        let name = layer.auth("project_name") ?? layer.auth("tenant_name")
        if id != nil || name != nil {
            return .project(id: id, name: name, domain: domain(layer, "project_domain_id", "project_domain_name"))
        }
        if layer.auth("system_scope") != nil { return .system }
        if layer.auth("domain_id") != nil || layer.auth("domain_name") != nil {
            return .domain(CloudSettings.DomainName(id: layer.auth("domain_id"), name: layer.auth("domain_name")))
        }
        return .unscoped
    }

    private func domain(_ layer: Layer, _ id: String, _ name: String) -> CloudSettings.DomainName {
        let found = CloudSettings.DomainName(
            id: layer.auth(id) ?? layer.top("default_domain_id").flatMap { layer.auth(name) == nil ? $0 : nil },
            name: layer.auth(name))
        return found.id == nil && found.name == nil ? .default : found
    }

    private func overrides(_ layer: Layer) -> [String: String] {
        var found: [String: String] = [:]
        for service in ["compute", "image", "identity", "network", "volume"] {
            found[service] = layer.top("\(service)_endpoint_override")
        }
        return found
    }
}

/// One cloud's values under the variables.
private struct Layer {
    let values: [String: JSON]
    let environment: [String: String]

    init(_ values: [String: JSON], _ environment: [String: String]) {
        self.values = values
        self.environment = environment
    }

    /// A value of the section `auth`; `OS_<NAME>` wins. openstackclient also reads some of them from the top level.
    func auth(_ key: String) -> String? {
        environment["OS_" + key.uppercased()].nonEmpty ?? (values["auth"]?[key] ?? values[key])?.shown.nonEmpty
    }

    func top(_ key: String) -> String? {
        environment["OS_" + key.uppercased()].nonEmpty ?? values[key]?.shown.nonEmpty
    }
}

extension String {
    var nonEmpty: String? { isEmpty ? nil : self }
    var trimmingSlashes: String {
        var text = self
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }
}

extension String? {
    var nonEmpty: String? { flatMap(\.nonEmpty) }
}
