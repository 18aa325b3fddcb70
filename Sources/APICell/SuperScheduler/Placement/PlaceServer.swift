internal import CellProtocol
internal import CloudModel
internal import Logging
internal import Messaging
internal import Observability

/// Places one server: reserve in a cell → compare-and-set the mapping → hand the intent over; a cell without room says why, and the next
/// is tried. Many servers are placed at once, and share their messages and commits.
struct PlaceServer: Sendable {
    /// So many cells are tried for a boot; a federation with more of them that are all full has another problem.
    static let cellsTried = 8
    /// So long a server waits for a cell that would fit and can't be reached, counted from its creation (or from when this process began
    /// to place). A server pinned to a silent zone is to end in ERROR within 10 s.
    static let patience = Duration.seconds(8)
    /// So long after its start this process places none of the servers that it found unplaced while a known cell has yet to say hello: if
    /// the database was rewound, the cell may have them. Longer would hold boots up when a region is dark, shorter would not wait for a
    /// conductor to dial anew (a heartbeat, 1 s).
    static let greeting = Duration.seconds(2)

    let cells: CellDirectory
    let store: PlacementStore
    let epochs: EpochSource
    let lines: CellLines
    let acknowledged: Acknowledgements
    let began: Timestamp
    let log: Logger

    enum Ending: Sendable {
        /// It has a cell, or needs none any more.
        case settled
        /// A cell that would fit can't be reached: look again shortly.
        case later
    }

    func callAsFunction(_ create: UnplacedCreate) async throws -> Ending {
        let started = Timestamp.now()
        let isOlder = create.createdAt < began
        if isOlder, started < began + Self.greeting, await !cells.haveNotGreeted.isEmpty { return .later }
        let ahead = await cells.ahead
        if let deadline = create.deadline, deadline < started, !isOlder || ahead.isEmpty {
            return try await tooLate(create, deadline)
        }
        var ranking = await cells.rank(wish(create))
        if isOlder, !ahead.isEmpty { ranking.mayBeIn(ahead) }
        if ranking.cells.isEmpty, create.pinnedCell != nil, try await unpinned(create) { return .later }
        var ledger = create.ledger
        // What was ruled out last time is said again below, as it is now.
        ledger.attempts.removeAll { $0.outcome == .ruledOut || $0.outcome == .silent }
        for out in ranking.ruledOut {
            ledger.attempts.append(
                .init(cell: out.cell, outcome: .ruledOut, at: started, reason: out.reason, detail: out.detail))
        }
        var steps = [
            TraceStep("place.rank", classic: [8, 9, 10], place: "super-scheduler", started: started, ended: .now())
        ]
        var (silent, behind) = (ranking.unreachable, ranking.ahead)
        for ranked in ranking.cells.prefix(Self.cellsTried) {
            if let group = create.spec.group, group.policy == .affinity,
                try await store.pin(group.id, to: ranked.cell) != ranked.cell
            {
                return .later  // pinned elsewhere meanwhile
            }
            let asked = Timestamp.now()
            guard let epoch = try await epochs.next(above: await cells.highestEpoch(seenIn: ranked.cell)) else {
                behind.append(ranked.cell)
                ledger.attempts.append(.init(cell: ranked.cell, outcome: .ruledOut, at: asked, reason: CellSelection.isAhead))
                continue
            }
            let answer: ReserveHost.Answer
            do {
                answer = try await lines.reserve(.init(server: create.server, epoch: epoch, spec: create.spec), in: ranked.cell)
            } catch let error as CancellationError {
                throw error
            } catch {
                silent.append(ranked.cell)
                ledger.attempts.append(
                    .init(
                        cell: ranked.cell, outcome: .silent, at: asked, reason: ranked.noting(Self.outcome(of: error)),
                        detail: ranked.shortage?.detail, weight: ranked.weight))
                log.info(
                    "a cell did not answer a reservation",
                    metadata: [.cell: "\(ranked.cell)", .server: "\(create.server)", .error: "\(error)"])
                if try await unpinned(create), create.pinnedCell != nil { return .later }
                continue
            }
            let answered = Timestamp.now()
            steps.append(
                TraceStep(
                    "place.reserve", classic: [8, 9, 10, 11], place: "super-scheduler", started: asked, ended: answered,
                    note: "\(ranked.cell)"))
            switch answer {
            case .noRoom(let reason, let elimination):
                ledger.attempts.append(
                    .init(
                        cell: ranked.cell, outcome: .noRoom, at: asked,
                        reason: ranked.shortage == nil ? reason : ranked.noting("asked, it said: \(reason)"),
                        detail: ranked.shortage?.detail, weight: ranked.weight,
                        elimination: elimination))
                if try await unpinned(create), create.pinnedCell != nil { return .later }
            case .reserved(let host, let elimination):
                if ranked != ranking.cells.first || ranked.shortage != nil {
                    await cells.reserved(create.spec.flavor.size, in: ranked.cell, zone: create.spec.zone)
                }
                ledger.attempts.append(
                    .init(
                        cell: ranked.cell, outcome: .reserved, at: asked, host: host, reason: ranked.shortage?.reason,
                        detail: ranked.shortage?.detail, weight: ranked.weight, elimination: elimination))
                if try await handOver(create, to: ranked.cell, epoch, ledger, steps) { return .settled }
                // It was refused after all; the row is unplaced again, and carries the refusal in its ledger.
                return .later
            }
        }
        for unasked in ranking.cells.dropFirst(Self.cellsTried) {
            let reason = unasked.noting("was not asked, after \(Self.cellsTried) others")
            ledger.attempts.append(
                .init(
                    cell: unasked.cell, outcome: .ruledOut, at: started, reason: reason, detail: unasked.shortage?.detail))
        }
        return try await noneFits(create, silent: silent, ahead: behind, ledger, steps)
    }

    /// Why a reservation has no answer, for the ledger.
    private static func outcome(of error: any Error) -> String {
        switch error as? MessagingError {
        case .timeout: "did not answer in time"
        case .unreachable: "is not connected"
        case .overloaded: "was not asked: too much is on its way to the region"
        case .refused(_, let sentence): "could not answer: \(sentence)"
        case .tooLarge, nil: "could not be asked"
        }
    }

    /// Writes the mapping down, then sends the create. False: refused.
    private func handOver(
        _ create: UnplacedCreate, to cell: CellName, _ epoch: PlacementEpoch, _ ledger: PlacementLedger, _ steps: [TraceStep]
    ) async throws -> Bool {
        let placing = PlacementStore.Placing(server: create.server, cell: cell, epoch: epoch, ledger: ledger, steps: steps)
        // Nil: deleted, placed by another, or its group pinned elsewhere, meanwhile.
        guard let placed = try await store.place(placing) else { return true }
        var spec = create.spec
        spec.name = placed.name
        spec.metadata = placed.metadata
        let intent = PerformIntent.Intent(
            id: create.intent, server: create.server, epoch: epoch, number: 1, order: .create(spec), request: create.request,
            deadline: create.deadline)
        do {
            switch try await lines.perform(intent, in: cell) {
            case .stored:
                await acknowledged.note(intent.server, intent.epoch)
                return true
            case .notNow: return true
            case .refused(let reason):
                try await store.unplace(create.server, cell: cell, epoch: epoch, reason: reason)
                return false
            }
        } catch {
            // Silence is not refusal: the cell may have it. The delivery looks after the row from here on.
            log.info(
                "a cell did not answer a create", metadata: [.cell: "\(cell)", .server: "\(create.server)", .error: "\(error)"])
            return true
        }
    }

    /// The cell that the server's group is pinned to gives it nothing: whether the group may go elsewhere, because no member is placed.
    /// A server that was ranked under the pin is to be ranked anew then.
    private func unpinned(_ create: UnplacedCreate) async throws -> Bool {
        guard let group = create.spec.group, group.policy == .affinity else { return false }
        return try await store.unpin(group.id)
    }

    /// A server whose cell gave it back late, or that had no cell for so long.
    private func tooLate(_ create: UnplacedCreate, _ deadline: Timestamp) async throws -> Ending {
        let gaveBack = create.ledger.attempts.last { $0.outcome == .refused }
        let message =
            "No valid host was found before the server's build deadline, \(deadline)."
            + (gaveBack.map { " \($0.cell): \($0.reason ?? "gave the server back")" } ?? "")
        try await store.giveUp(create.server, message, ledger: create.ledger, steps: [])
        log.info("a server waited for a cell past its deadline", metadata: [.server: "\(create.server)"])
        return .settled
    }

    private func noneFits(
        _ create: UnplacedCreate, silent: [CellName], ahead: [CellName], _ ledger: PlacementLedger, _ steps: [TraceStep]
    ) async throws -> Ending {
        let now = Timestamp.now()
        if !(silent.isEmpty && ahead.isEmpty), now < max(create.createdAt, began) + Self.patience { return .later }
        let message = NoValidHost(
            zone: create.spec.zone, homeRegion: create.homeRegion, silent: silent, ahead: ahead, ledger: ledger
        ).message
        try await store.giveUp(create.server, message, ledger: ledger, steps: steps)
        log.info("no cell can take a server", metadata: [.server: "\(create.server)", .reason: "\(message)"])
        return .settled
    }

    private func wish(_ create: UnplacedCreate) -> CellSelection.Wish {
        CellSelection.Wish(
            size: create.spec.flavor.size, zone: create.spec.zone, homeRegion: create.homeRegion, pinnedCell: create.pinnedCell,
            traits: create.spec.flavor.requiredTraits, refusedBy: create.refusedBy)
    }
}
