/// Where a program finds what it was given and puts what it makes: the two folders `--etc` and `--var`. Ansible's roles write
/// exactly these names.
package struct ProgramFolders: Sendable, Equatable {
    package let etc: String
    package let state: String

    package init(etc: String = "/etc/meridian", state: String = "/var/lib/meridian") {
        self.etc = etc
        self.state = state
    }

    package var federationFile: String { etc + "/federation.yml" }
    /// On control and compute hosts only.
    package var regionFile: String { etc + "/region.yml" }
    package var keys: String { etc + "/keys" }
    /// The public and secret half of one process's CURVE key: `keys/cell_tunis.secret`.
    package func secretKey(role: String, name: String) -> String { "\(keys)/\(role)_\(name).secret" }
    /// The public key of the hub, which cells and API processes dial.
    package var hubKey: String { etc + "/keys/hub.pub" }
    /// The public key of the region's conductor, which hosts and the scheduler dial.
    package var cellKey: String { etc + "/keys/cell.pub" }
    /// Rules of an operator's own, see `PolicyFolder`. Optional.
    package var policies: String { etc + "/policy" }
    /// Public keys of the peers that may speak to this process.
    package var enrolled: String { etc + "/enrolled" }
    package var authority: String { etc + "/tls/ca.pem" }
    package var serverCertificate: String { etc + "/tls/server.pem" }
    package var serverKey: String { etc + "/tls/server.key" }
    /// A libpq conninfo, readable by one user.
    package var databaseConninfo: String { etc + "/database.conninfo" }
    package var fernetKeys: String { etc + "/fernet" }
    /// The Ed25519 key that signs grants for images; Glance verifies with its public half.
    package var grantSigningKey: String { etc + "/grants/signing.key" }

    /// The public half, as a gateway has heard it from the API cell.
    package var grantPublicKey: String { state + "/grant.pub" }

    package var pids: String { state + "/pids" }
    package var log: String { state + "/log" }
    package var images: String { state + "/images" }
    /// A region's cached images, apart from those of a compute host on the same machine.
    package var cachedImages: String { state + "/image-cache" }
    package var instances: String { state + "/instances" }
}
