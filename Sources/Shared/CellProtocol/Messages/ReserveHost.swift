package import CloudModel

/// Hub → conductor: have you room for these? At most `PlacementLimits.batch` servers. Idempotent by (server, epoch); a claim that no
/// create follows expires by itself.
package struct ReserveHost: CellCall {
    package static let kind = "reserve-host/1"

    package struct Request: Codable, Sendable, Hashable {
        package var server: ServerID
        package var epoch: PlacementEpoch
        package var spec: ServerSpec
        package init(server: ServerID, epoch: PlacementEpoch, spec: ServerSpec) {
            self.server = server
            self.epoch = epoch
            self.spec = spec
        }
    }

    package enum Answer: Codable, Sendable, Hashable {
        case reserved(host: HostName, elimination: Elimination)
        /// Why not, per rule, with a sentence.
        case noRoom(reason: String, elimination: Elimination)
    }

    package struct Reply: Codable, Sendable, Hashable {
        /// One for each request, in their order.
        package var answers: [Answer]
        package init(answers: [Answer]) { self.answers = answers }
    }

    package var requests: [Request]
    package init(requests: [Request]) { self.requests = requests }
}
