/// The top of the federation, as `regions/federation.yml` describes it. Read by every program and by Ansible alike.
package struct Federation: Sendable, Equatable {
    /// The region that stands first in the catalog and has all cells behind one endpoint: `meridian`.
    package let name: String
    package let timing: Timing
    package let apiCell: APICell

    package struct APICell: Sendable, Equatable {
        /// Where the API processes and the hub listen; cells dial it.
        package let address: String
        /// The host that the catalog's URLs name: what clients can reach.
        package let publicHost: String
        package let ports: Ports
        /// Whether the HTTP endpoints speak TLS.
        package let tls: Bool
        /// Where Ansible's ssh inventory finds the API host, if not at its address.
        package let ssh: String?

        /// The scheme of the catalog's URLs.
        package var scheme: String { tls ? "https" : "http" }
    }

    package struct Ports: Sendable, Equatable {
        package let identity: Int
        package let image: Int
        package let compute: Int
        package let hubControl: Int
        package let hubBulk: Int
        package let apiHealth: Int
        package let superSchedulerHealth: Int
        package let postgresql: Int
    }
}
