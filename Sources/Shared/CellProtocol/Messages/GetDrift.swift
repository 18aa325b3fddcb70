package import CloudModel

/// API process → hub → conductor: the guests that hosts of a cell have and nobody ordered. A question: synchronous, no row. Asked page by
/// page.
package struct GetDrift: CellCall {
    package static let kind = "get-drift/1"

    /// What a cell answers at most in a page, whatever is asked for: about 300 KB with the longest names, of the 1 MiB of a message.
    package static let largestPage = 200

    /// The cell that is asked; the hub forwards by it.
    package var cell: CellName
    /// Only guests behind this one; nil: from the beginning.
    package var after: Place?
    /// How many guests the answer may have, 1 to `largestPage`.
    package var limit: Int

    /// Where a guest stands in the list, which is in the order of hosts and then of servers. A server may be on several hosts.
    package struct Place: Codable, Sendable, Hashable {
        package var host: HostName
        package var server: ServerID
        package init(host: HostName, server: ServerID) {
            self.host = host
            self.server = server
        }
    }

    /// A guest as its host told of it when it last said hello.
    package struct Stranger: Codable, Sendable, Hashable {
        package var server: ServerID
        package var host: HostName
        /// The placement it was built under, from the domain's metadata.
        package var epoch: PlacementEpoch
        package var power: PowerState
        /// From the spec that the host keeps beside the guest; nil: it has none.
        package var name: String?
        package var seenAt: Timestamp

        package init(
            server: ServerID, host: HostName, epoch: PlacementEpoch, power: PowerState, name: String?, seenAt: Timestamp
        ) {
            self.server = server
            self.host = host
            self.epoch = epoch
            self.power = power
            self.name = name
            self.seenAt = seenAt
        }
    }

    package struct Reply: Codable, Sendable, Hashable {
        package var strangers: [Stranger]
        /// Ask again after this one; nil: that was all.
        package var next: Place?
        package init(strangers: [Stranger], next: Place?) {
            self.strangers = strangers
            self.next = next
        }
    }

    package init(cell: CellName, after: Place?, limit: Int) {
        self.cell = cell
        self.after = after
        self.limit = limit
    }
}
