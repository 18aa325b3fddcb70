package import CloudModel

/// A host as the scheduler ranks it. Pushed by the conductor; the scheduler keeps nothing else.
package struct HostState: Codable, Sendable, Hashable {
    package var name: HostName
    package var zone: ZoneName
    package var enabled: Bool
    package var up: Bool
    /// After the allocation ratios.
    package var total: ResourceSize
    /// Claims and reservations included.
    package var used: ResourceSize
    package var traits: [String]
    package var cachedImages: [String]
    /// Server group → how many of its servers are or are about to be here.
    package var groups: [ServerGroupID.RawText: Int]

    package init(
        name: HostName, zone: ZoneName, enabled: Bool, up: Bool, total: ResourceSize, used: ResourceSize, traits: [String],
        cachedImages: [String], groups: [ServerGroupID.RawText: Int] = [:]
    ) {
        self.name = name
        self.zone = zone
        self.enabled = enabled
        self.up = up
        self.total = total
        self.used = used
        self.traits = traits
        self.cachedImages = cachedImages
        self.groups = groups
    }

    package var free: ResourceSize { total - used }
}

extension ServerGroupID {
    /// The lower-case text, as a key of a JSON object.
    package typealias RawText = String
}

/// What has changed in the hosts since the last question. `number` counts questions on this link; a gap makes the scheduler ask
/// for all hosts.
package struct HostStates: Codable, Sendable, Hashable {
    package var number: Int64
    /// True: these are all hosts, forget the others.
    package var isWhole: Bool
    package var hosts: [HostState]

    package init(number: Int64, isWhole: Bool, hosts: [HostState]) {
        self.number = number
        self.isWhole = isWhole
        self.hosts = hosts
    }
}

/// Conductor → scheduler: the hosts look so now; rank them for these servers. The states travel with the question, so that the two
/// can't pass each other; one question is under way at a time.
package struct RankHosts: CellCall {
    package static let kind = "rank-hosts/1"

    package struct Request: Codable, Sendable, Hashable {
        package var server: ServerID
        package var spec: ServerSpec
        /// Hosts that failed this server already.
        package var avoiding: [HostName]
        package init(server: ServerID, spec: ServerSpec, avoiding: [HostName] = []) {
            self.server = server
            self.spec = spec
            self.avoiding = avoiding
        }
    }

    package struct Reply: Codable, Sendable, Hashable {
        /// False: the scheduler is new, or has missed a question; ask again with all hosts.
        package var isCurrent: Bool
        package var eliminations: [Elimination]
        package init(isCurrent: Bool, eliminations: [Elimination]) {
            self.isCurrent = isCurrent
            self.eliminations = eliminations
        }
    }

    package var states: HostStates
    package var requests: [Request]
    package init(states: HostStates, requests: [Request]) {
        self.states = states
        self.requests = requests
    }
}
