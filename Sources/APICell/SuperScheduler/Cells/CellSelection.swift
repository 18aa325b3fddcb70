package import CellProtocol
package import CloudModel

/// (request, what is known of the cells) → cells in order, and why not the others. A pure function.
package struct CellSelection: Sendable {
    /// What the super-scheduler knows of a cell when it ranks.
    package struct Cell: Sendable, Hashable {
        package enum Contact: String, Sendable {
            case inContact, silent, suspect
            /// It has yet to say hello to this process, and with it which placements it has seen.
            case unmet
        }
        package var name: CellName
        package var summary: CellSummary
        package var contact: Contact
        /// An operator's word: no new servers.
        package var drained: Bool
        /// It has seen a later placement than the API database knows, which was restored from a backup: nothing is placed there.
        package var isAhead: Bool

        package init(name: CellName, summary: CellSummary, contact: Contact, drained: Bool, isAhead: Bool = false) {
            self.name = name
            self.summary = summary
            self.contact = contact
            self.drained = drained
            self.isAhead = isAhead
        }
    }

    /// What is asked of the cells.
    package struct Wish: Sendable {
        package var size: ResourceSize
        package var zone: ZoneName?
        package var homeRegion: CellName?
        package var pinnedCell: CellName?
        package var traits: [String]
        /// Cells that have given this server back.
        package var refusedBy: Set<CellName>

        package init(
            size: ResourceSize, zone: ZoneName? = nil, homeRegion: CellName? = nil, pinnedCell: CellName? = nil,
            traits: [String] = [],
            refusedBy: Set<CellName> = []
        ) {
            self.size = size
            self.zone = zone
            self.homeRegion = homeRegion
            self.pinnedCell = pinnedCell
            self.traits = traits
            self.refusedBy = refusedBy
        }

        /// The zones of a cell that may take the server.
        func zones(of cell: Cell) -> [CellSummary.Zone] {
            zone.map { zone in cell.summary.zones.filter { $0.name == zone } } ?? cell.summary.zones
        }
    }

    package struct Ranking: Sendable, Hashable {
        /// Cells to ask, best first, with their weights.
        package var cells: [Ranked]
        package var ruledOut: [RuledOut]
        /// Cells that might fit but can't be reached: worth waiting for a little.
        package var unreachable: [CellName]
        /// Cells that might fit and that the API database is behind of: worth waiting for a little, until an operator has raised it.
        package var ahead: [CellName] = []
    }

    package struct Ranked: Sendable, Hashable {
        package var cell: CellName
        package var weight: Double
        /// What its last summary showed in place of room; nil: it seems to have some. Summaries may be late or lost, so the cell is asked
        /// all the same, after those that seem to have room: its reservation decides.
        package var shortage: Shortage?
    }

    package struct Shortage: Sendable, Hashable {
        /// Tenants read it, in the fault of a server too.
        package var reason: String
        /// What the region has: for administrators.
        package var detail: String
    }

    package struct RuledOut: Sendable, Hashable {
        package var cell: CellName
        /// Tenants read it, in the fault of a server too.
        package var reason: String
        /// What the reason leaves out because it tells what the region has: for administrators.
        package var detail: String? = nil
    }

    /// What is multiplied to a cell's weight.
    private static let weighers: [any CellWeigher] = [FreeMemoryWeigher(), RegionWeightWeigher(), SuspicionWeigher()]

    /// Ranks cells that seem to have room before those that don't, both by their weights, the names deciding between equals.
    package static func rank(_ cells: [Cell], for wish: Wish) -> Ranking {
        var ranking = Ranking(cells: [], ruledOut: [], unreachable: [])
        for cell in cells.sorted(by: { $0.name < $1.name }) {
            let shortage = shortage(in: cell, of: wish)
            func ruleOut(_ reason: String) {
                let reason = [reason, shortage?.reason].compactMap(\.self).joined(separator: "; ")
                ranking.ruledOut.append(RuledOut(cell: cell.name, reason: reason, detail: shortage?.detail))
            }
            if let reason = obstacle(in: cell, to: wish) {
                ranking.ruledOut.append(RuledOut(cell: cell.name, reason: reason))
                // A region that has just been stood up: its hosts may say hello at any moment.
                if reason == noHostIsUp, cell.summary.zones.isEmpty { ranking.unreachable.append(cell.name) }
            } else if cell.isAhead {
                ruleOut(isAhead)
                ranking.ahead.append(cell.name)
            } else if cell.summary.state == .recovering {
                ruleOut("is recovering from a restore of its database")
                ranking.unreachable.append(cell.name)
            } else {
                switch cell.contact {
                case .silent:
                    ruleOut("silent: no contact with the region")
                    ranking.unreachable.append(cell.name)
                case .unmet:
                    ruleOut("has not said hello yet")
                    ranking.unreachable.append(cell.name)
                case .inContact, .suspect:
                    ranking.cells.append(Ranked(cell: cell.name, weight: weight(of: cell, for: wish), shortage: shortage))
                }
            }
        }
        ranking.cells.sort {
            ($0.shortage == nil ? 1 : 0, $0.weight, $1.cell) > ($1.shortage == nil ? 1 : 0, $1.weight, $0.cell)
        }
        return ranking
    }

    private static let noHostIsUp = "has no host that is up"
    package static let isAhead = "ahead: the API database was restored from a backup and knows less than the region"

    private static func obstacle(in cell: Cell, to wish: Wish) -> String? {
        if let pinned = wish.pinnedCell, pinned != cell.name { return "the server's group is in \(pinned)" }
        if let home = wish.homeRegion, home != cell.name { return "the server was asked for in region \(home)" }
        let zones = wish.zones(of: cell)
        // A summary says only zones that have such a host.
        let isWhollyDown =
            cell.summary.zones.isEmpty && (wish.zone?.rawValue == cell.name.rawValue || wish.homeRegion == cell.name)
        if zones.isEmpty, let zone = wish.zone, !isWhollyDown {
            return "has no host that is enabled and up in the zone \(zone)"
        }
        if wish.refusedBy.contains(cell.name) { return "gave the server back" }
        if cell.drained { return "is being drained" }
        if let reason = RegionWeightWeigher().obstacle(in: cell, to: wish) { return reason }
        switch cell.summary.state {
        case .draining: return "is being drained"
        case .up, .stalled, .recovering: break  // a stalled cell is silent; one that recovers is back shortly
        }
        if zones.isEmpty { return noHostIsUp }
        if let missing = wish.traits.first(where: { trait in !zones.contains { $0.traits.contains(trait) } }) {
            return "has no host with the trait \(missing)"
        }
        return nil
    }

    /// What the summary shows in place of a host with the room.
    private static func shortage(in cell: Cell, of wish: Wish) -> Shortage? {
        let zones = wish.zones(of: cell)
        if zones.contains(where: { wish.size.fits(in: $0.largest) }) { return nil }
        let roomiest = zones.map(\.largest).max { $0.ram < $1.ram } ?? .zero
        return Shortage(
            reason: "its last summary showed no host with room for \(wish.size.text)",
            detail: "the roomiest had \(roomiest.text)")
    }

    private static func weight(of cell: Cell, for wish: Wish) -> Double {
        weighers.reduce(1) { $0 * $1.factor(of: cell, for: wish) }
    }
}

extension CellSelection.Ranked {
    /// A sentence for the ledger: what was known of the cell before it was asked, if that spoke against it, and what came of it.
    func noting(_ outcome: String) -> String { shortage.map { "\($0.reason); \(outcome)" } ?? outcome }
}

extension CellSelection.Ranking {
    /// The server may be in one of these cells already, under a placement that the API database has forgotten: nobody else gets it.
    mutating func mayBeIn(_ ahead: [CellName]) {
        let names = ahead.map(\.rawValue).joined(separator: ", ")
        ruledOut += cells.map {
            CellSelection.RuledOut(
                cell: $0.cell, reason: "the API database was restored from a backup, and \(names) may have the server already")
        }
        cells = []
        unreachable = []
        self.ahead = ahead
    }
}

extension ResourceSize {
    /// `2 vCPUs, 512 MiB, 1 GiB`.
    package var text: String { "\(vcpus) vCPUs, \(ram) MiB, \(disk) GiB" }
}
