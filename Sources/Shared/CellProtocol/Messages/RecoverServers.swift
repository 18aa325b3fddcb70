package import CloudModel

/// Conductor → hub, from a cell whose database was rewound: which servers do you map to me? Asked page by page.
package struct RecoverServers: CellCall {
    package static let kind = "recover-servers/1"

    /// One server as the API cell knows it, the cell's own last report included.
    package struct Known: Codable, Sendable, Hashable {
        package var server: ServerID
        package var epoch: PlacementEpoch
        package var spec: ServerSpec
        package var lastReport: ServerReport?
        package init(server: ServerID, epoch: PlacementEpoch, spec: ServerSpec, lastReport: ServerReport?) {
            self.server = server
            self.epoch = epoch
            self.spec = spec
            self.lastReport = lastReport
        }
    }

    package struct Reply: Codable, Sendable, Hashable {
        package var servers: [Known]
        /// Ask again after this one; nil: that was all.
        package var next: ServerID?
        /// Hosts that may have servers of the cell: a cell that lost its database doesn't know them. With the first page; nil from an
        /// API cell of an older release.
        package var hosts: [HostName]?
        package init(servers: [Known], next: ServerID?, hosts: [HostName]? = nil) {
            self.servers = servers
            self.next = next
            self.hosts = hosts
        }
    }

    package var after: ServerID?
    package init(after: ServerID?) { self.after = after }
}
