package import CloudModel

/// A run of changes from one database to the other, in either direction. Whole rows, never deltas; applied and the cursor moved in
/// one transaction, only where the receiver's cursor is `from`.
package struct FeedBatch: CellCall {
    package static let kind = "feed-batch/1"

    package var from: FeedPosition
    package var to: FeedPosition
    package var changes: [FeedChange]

    package struct Reply: Codable, Sendable, Hashable {
        /// Where the receiver stands now; equal to `to` when the batch was applied, else what to resume from.
        package var stored: FeedPosition
        package init(stored: FeedPosition) { self.stored = stored }
    }

    package init(from: FeedPosition, to: FeedPosition, changes: [FeedChange]) {
        self.from = from
        self.to = to
        self.changes = changes
    }
}

/// One object's row as it is now.
package enum FeedChange: Codable, Sendable, Hashable {
    // Upwards: what the cell owns.
    case server(ServerReport)
    case action(ActionReport)
    case host(HostReport)
    // Downwards: what the API cell owns and the cell's servers use.
    case attributes(ServerAttributes)
    case hostStanding(HostStanding)
}

/// A server as its cell sees it: every column the cell owns, in one revision.
package struct ServerReport: Codable, Sendable, Hashable {
    package struct Fault: Codable, Sendable, Hashable {
        package var code: Int
        package var message: String
        package var at: Timestamp
        package init(code: Int, message: String, at: Timestamp) {
            self.code = code
            self.message = message
            self.at = at
        }
    }
    package var server: ServerID
    package var epoch: PlacementEpoch
    package var revision: Int64
    package var doneThrough: Int
    package var progress: String?
    package var vmState: VMState
    package var powerState: PowerState
    package var host: HostName?
    package var zone: ZoneName?
    package var instanceName: String
    package var launchedAt: Timestamp?
    package var terminatedAt: Timestamp?
    package var updatedAt: Timestamp
    package var fault: Fault?
    /// The cell gave the server back: it has nothing of it and holds a tombstone for (server, epoch). The reason.
    package var refused: String?

    package init(
        server: ServerID, epoch: PlacementEpoch, revision: Int64, doneThrough: Int, progress: String?, vmState: VMState,
        powerState: PowerState, host: HostName?, zone: ZoneName?, instanceName: String, launchedAt: Timestamp?,
        terminatedAt: Timestamp?, updatedAt: Timestamp, fault: Fault?, refused: String?
    ) {
        self.server = server
        self.epoch = epoch
        self.revision = revision
        self.doneThrough = doneThrough
        self.progress = progress
        self.vmState = vmState
        self.powerState = powerState
        self.host = host
        self.zone = zone
        self.instanceName = instanceName
        self.launchedAt = launchedAt
        self.terminatedAt = terminatedAt
        self.updatedAt = updatedAt
        self.fault = fault
        self.refused = refused
    }
}

/// How an action went in the cell, with the steps of its timeline.
package struct ActionReport: Codable, Sendable, Hashable {
    package enum State: String, Codable, Sendable {
        case stored, running, done, failed
        /// Started too late, so never.
        case expired
        /// Overtaken by a delete.
        case interrupted
    }
    package var intent: IntentID
    package var server: ServerID
    package var epoch: PlacementEpoch
    package var number: Int
    package var state: State
    package var message: String?
    package var startedAt: Timestamp?
    package var finishedAt: Timestamp?
    package var steps: [TraceStep]

    package init(
        intent: IntentID, server: ServerID, epoch: PlacementEpoch, number: Int, state: State, message: String?,
        startedAt: Timestamp?, finishedAt: Timestamp?, steps: [TraceStep]
    ) {
        self.intent = intent
        self.server = server
        self.epoch = epoch
        self.number = number
        self.state = state
        self.message = message
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.steps = steps
    }
}

/// A compute host as its cell sees it.
package struct HostReport: Codable, Sendable, Hashable {
    package var name: HostName
    package var revision: Int64
    package var inventory: HostInventory
    package var used: ResourceSize
    package var servers: Int
    package var enabled: Bool
    package var disabledReason: String?
    package var up: Bool
    package var lastSeen: Timestamp
    package var release: String

    package init(
        name: HostName, revision: Int64, inventory: HostInventory, used: ResourceSize, servers: Int, enabled: Bool,
        disabledReason: String?, up: Bool, lastSeen: Timestamp, release: String
    ) {
        self.name = name
        self.revision = revision
        self.inventory = inventory
        self.used = used
        self.servers = servers
        self.enabled = enabled
        self.disabledReason = disabledReason
        self.up = up
        self.lastSeen = lastSeen
        self.release = release
    }
}

/// What the API cell owns of a server and the cell's guest-facing services need: names, metadata, keys.
package struct ServerAttributes: Codable, Sendable, Hashable {
    package var server: ServerID
    /// How often they have changed. The feed's order decides which are newer, not this.
    package var revision: Int64
    package var name: String
    package var metadata: [String: String]
    package var keyName: String?
    package var publicKey: String?
    /// The API cell has deleted the server's row for good.
    package var gone: Bool

    package init(
        server: ServerID, revision: Int64, name: String, metadata: [String: String], keyName: String?, publicKey: String?,
        gone: Bool = false
    ) {
        self.server = server
        self.revision = revision
        self.name = name
        self.metadata = metadata
        self.keyName = keyName
        self.publicKey = publicKey
        self.gone = gone
    }
}

/// An operator's word on a host, given to the API cell: whether it takes new servers. What runs there stays.
package struct HostStanding: Codable, Sendable, Hashable {
    package var host: HostName
    package var enabled: Bool
    package var reason: String?

    package init(host: HostName, enabled: Bool, reason: String?) {
        self.host = host
        self.enabled = enabled
        self.reason = reason
    }
}
