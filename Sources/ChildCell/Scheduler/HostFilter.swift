package import CellProtocol
package import CloudModel

/// A rule that removes hosts. One file each, pure: the answer follows from the arguments alone.
package protocol HostFilter: Sendable {
    /// The name in region files and ledgers: `availability_zone`.
    static var name: String { get }
    init()
    func passes(_ host: HostState, for request: HostRequest) -> Bool
    /// Why not, for the ledger: asked only for hosts that didn't pass.
    func reason(_ host: HostState, for request: HostRequest) -> String
}

/// What hosts are filtered and weighed for: a server, and where its group's other servers are.
package struct HostRequest: Sendable {
    package let server: ServerID
    package let spec: ServerSpec
    package let avoiding: Set<HostName>
    /// The hosts with servers of the same group, and how many.
    package let groupHosts: [HostName: Int]

    package init(_ request: RankHosts.Request, among hosts: some Sequence<HostState>) {
        server = request.server
        spec = request.spec
        avoiding = Set(request.avoiding)
        guard let group = request.spec.group else {
            groupHosts = [:]
            return
        }
        let id = group.id.description
        groupHosts = Dictionary(
            uniqueKeysWithValues: hosts.compactMap { host in
                host.groups[id].flatMap { $0 > 0 ? (host.name, $0) : nil }
            })
    }
}

/// The filters there are, by name.
package enum HostFilters {
    package static let all: [any HostFilter.Type] = [
        AvailabilityZoneFilter.self, EnabledFilter.self, CPUFilter.self, MemoryFilter.self, DiskFilter.self, TraitsFilter.self,
        AffinityFilter.self, AntiAffinityFilter.self,
    ]

    package static func named(_ name: String) -> (any HostFilter)? { all.first { $0.name == name }.map { $0.init() } }

    /// The order in which cheap and telling rules come first.
    package static var standard: [any HostFilter] { all.map { $0.init() } }
}
