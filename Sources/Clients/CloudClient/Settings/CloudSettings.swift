/// How to reach one cloud: what `clouds.yaml` says, overridden by `OS_*` variables, overridden by options.
public struct CloudSettings: Sendable, Equatable {
    public enum Credentials: Sendable, Equatable {
        case password(user: UserName, password: String)
        case token(String)
    }

    /// A user by id, or by name and domain.
    public struct UserName: Sendable, Equatable {
        public var id: String?
        public var name: String?
        public var domain: DomainName
    }

    /// A domain by id or name.
    public struct DomainName: Sendable, Equatable {
        public var id: String?
        public var name: String?
        public init(id: String? = nil, name: String? = nil) {
            self.id = id
            self.name = name
        }
        /// What is meant where nothing is said.
        public static let `default` = DomainName(id: "default")
    }

    public enum Scope: Sendable, Equatable {
        case project(id: String?, name: String?, domain: DomainName)
        case domain(DomainName)
        case system
        case unscoped
    }

    /// The cloud's name in `clouds.yaml`; `envvars` when it comes from variables alone.
    public var name: String
    /// `https://…:5000/v3`.
    public var authURL: String
    public var credentials: Credentials
    public var scope: Scope
    /// Of the catalog; nil takes the first that fits.
    public var region: String?
    /// `public`, `internal` or `admin`.
    public var interface: String
    /// A PEM file with the authorities to trust beside the system's.
    public var caFile: String?
    public var verifiesCertificates: Bool
    /// Service type → address to use instead of the catalog's.
    public var endpointOverrides: [String: String]
}

/// Options that override everything else; nil where the user said nothing.
public struct CloudOptions: Sendable {
    public var cloud: String?
    public var region: String?
    /// Whether a verb is for administrators: where no cloud was named, `meridian-admin` then goes before `meridian`.
    public var isForOperators: Bool
    public init(cloud: String? = nil, region: String? = nil, isForOperators: Bool = false) {
        self.cloud = cloud
        self.region = region
        self.isForOperators = isForOperators
    }
}
