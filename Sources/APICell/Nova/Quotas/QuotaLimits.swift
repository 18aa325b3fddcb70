/// What a project may have at most; -1 is no limit. The names are Nova's.
package struct QuotaLimits: Sendable, Hashable {
    package var instances: Int
    package var cores: Int
    /// MiB.
    package var ram: Int
    package var metadataItems: Int
    package var keyPairs: Int
    package var serverGroups: Int
    package var serverGroupMembers: Int

    /// Nova's own defaults (nova.conf, section quota), unless an operator gives others.
    package init(
        instances: Int = 10, cores: Int = 20, ram: Int = 51_200, metadataItems: Int = 128, keyPairs: Int = 100,
        serverGroups: Int = 10, serverGroupMembers: Int = 10
    ) {
        self.instances = instances
        self.cores = cores
        self.ram = ram
        self.metadataItems = metadataItems
        self.keyPairs = keyPairs
        self.serverGroups = serverGroups
        self.serverGroupMembers = serverGroupMembers
    }

    /// A resource by Nova's name; nil for one that isn't counted here.
    subscript(_ resource: QuotaResource) -> Int {
        get {
            switch resource {
            case .instances: instances
            case .cores: cores
            case .ram: ram
            case .metadataItems: metadataItems
            case .keyPairs: keyPairs
            case .serverGroups: serverGroups
            case .serverGroupMembers: serverGroupMembers
            }
        }
        set {
            switch resource {
            case .instances: instances = newValue
            case .cores: cores = newValue
            case .ram: ram = newValue
            case .metadataItems: metadataItems = newValue
            case .keyPairs: keyPairs = newValue
            case .serverGroups: serverGroups = newValue
            case .serverGroupMembers: serverGroupMembers = newValue
            }
        }
    }
}

/// What is counted, by Nova's names.
enum QuotaResource: String, CaseIterable, Sendable {
    case instances, cores, ram
    case metadataItems = "metadata_items"
    case keyPairs = "key_pairs"
    case serverGroups = "server_groups"
    case serverGroupMembers = "server_group_members"
}

/// What a project has: rows of the API database, pending and deleting ones included.
struct QuotaUsage: Sendable, Hashable {
    var instances = 0
    var cores = 0
    var ram = 0

    /// Adds what a create asks for, or says which limits that would overrun and changes nothing.
    mutating func take(_ asked: QuotaUsage, within limits: QuotaLimits) -> QuotaRefusal? {
        var over: [QuotaResource] = []
        if limits.cores >= 0, cores + asked.cores > limits.cores { over.append(.cores) }
        if limits.instances >= 0, instances + asked.instances > limits.instances { over.append(.instances) }
        if limits.ram >= 0, ram + asked.ram > limits.ram { over.append(.ram) }
        guard over.isEmpty else { return QuotaRefusal(over: over, asked: asked, used: self, limits: limits) }
        instances += asked.instances
        cores += asked.cores
        ram += asked.ram
        return nil
    }

    subscript(_ resource: QuotaResource) -> Int {
        switch resource {
        case .instances: instances
        case .cores: cores
        case .ram: ram
        case .metadataItems, .keyPairs, .serverGroups, .serverGroupMembers: 0
        }
    }
}

/// Why a create was refused, in Nova's words.
struct QuotaRefusal: Sendable, Hashable {
    let over: [QuotaResource]
    let asked: QuotaUsage
    let used: QuotaUsage
    let limits: QuotaLimits

    var message: String {
        func list(_ value: (QuotaResource) -> Int) -> String { over.map { "\(value($0))" }.joined(separator: ", ") }
        let names = over.map(\.rawValue).joined(separator: ", ")
        return "Quota exceeded for \(names): Requested \(list { asked[$0] }), but already used \(list { used[$0] }) of "
            + "\(list { limits[$0] }) \(names)"
    }
}
