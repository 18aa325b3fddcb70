internal import CellProtocol
internal import CloudModel
internal import ComputeRecords
internal import Database
internal import Messaging

/// The cells as the super-scheduler knows them. What they can take is a guess between two summaries: reserved room is taken off at
/// once, and the next summary corrects it.
actor CellDirectory {
    private struct Entry {
        var summary: CellSummary
        var drained = false
        /// Whether the cell has said hello to this process. Until then nobody knows which placements it has seen.
        var hasGreeted = false
        /// The highest placement it has seen, by its last hello.
        var highestEpoch = PlacementEpoch.none
        /// It had seen a later placement than the database had drawn, and no operator has seen to that since: the database was rewound.
        var isAhead = false
        var unansweredAt: ContinuousClock.Instant?
        /// How often it has said hello.
        var hellos = 0
    }

    private let database: Database
    private let messenger: any Messenger
    private let silentAfter: Duration
    private var cells: [CellName: Entry] = [:]
    /// Cells whose row is being written.
    private var joining: Set<CellName> = []

    /// So long a cell that left a call unanswered is asked last.
    private static let suspicion = Duration.seconds(2)

    init(database: Database, messenger: any Messenger, silentAfter: Duration) {
        self.database = database
        self.messenger = messenger
        self.silentAfter = silentAfter
    }

    /// Reads the cells that have ever joined, what operators have said of them since, and which are ahead of the database. A cell whose
    /// row was taken away (`meridian-manage region remove`) is forgotten, unless it has said hello while the rows were read.
    func refresh() async throws {
        let before = cells
        let rows = try await database.query("SELECT name, disabled, summary, ahead FROM compute.cells")
        for row in rows {
            let name: CellName = try row.get("name")
            let drained: Bool = try row.get("disabled")
            let stored: CellSummary? = try row.json("summary")
            let summary = cells[name]?.summary ?? stored ?? CellSummary(state: .up, zones: [], weight: 1)
            cells[name, default: Entry(summary: summary)].drained = drained
            cells[name]?.isAhead = try row.get("ahead")
        }
        let listed = try Set(rows.map { try $0.get("name") as CellName })
        for (name, entry) in before where !listed.contains(name) && !joining.contains(name) {
            if cells[name]?.hellos == entry.hellos { cells[name] = nil }
        }
    }

    /// A cell says hello: it joins, or is back. Returns the highest placement that the database has drawn. It is read after the cell named its
    /// own, which was drawn from it before: only a rewound database is behind.
    func joined(
        _ cell: CellName, release: String, highestEpoch: PlacementEpoch, summary: CellSummary
    ) async throws -> PlacementEpoch {
        // First in memory: a later summary may come while the row is written, and must not be passed over.
        cells[cell, default: Entry(summary: summary)].summary = summary
        cells[cell]?.unansweredAt = nil
        joining.insert(cell)
        defer { joining.remove(cell) }
        let rows = try await database.query(
            """
            WITH drawn AS MATERIALIZED (
                SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS epoch FROM compute.placement_epoch
            )
            INSERT INTO compute.cells AS c (name, summary, release, highest_epoch, ahead)
            SELECT \(cell), \(json: summary), \(release), \(highestEpoch), \(highestEpoch) > epoch FROM drawn
            ON CONFLICT (name) DO UPDATE SET summary = excluded.summary, release = excluded.release,
                highest_epoch = greatest(c.highest_epoch, excluded.highest_epoch), ahead = c.ahead OR excluded.ahead
            RETURNING ahead, (SELECT epoch FROM drawn) AS drawn
            """)
        guard let row = rows.first else { throw CloudError(.internalError, "A cell's hello left no row.", detail: "\(cell)") }
        var entry = cells[cell] ?? Entry(summary: summary)
        entry.hellos += 1
        entry.hasGreeted = true
        entry.highestEpoch = max(entry.highestEpoch, highestEpoch)
        entry.isAhead = try row.get("ahead")
        cells[cell] = entry
        return try row.get("drawn")
    }

    /// What a placement in this cell must be later than. Asked after the placement's number was drawn.
    func highestEpoch(seenIn cell: CellName) -> PlacementEpoch { cells[cell]?.highestEpoch ?? .none }

    /// Cells that have seen a later placement than the database knows.
    var ahead: [CellName] { cells.filter(\.value.isAhead).keys.sorted() }

    /// Whether a cell has said hello to this process.
    func hasGreeted(_ cell: CellName) -> Bool { cells[cell]?.hasGreeted ?? false }

    /// Known cells that have not said hello to this process.
    var haveNotGreeted: [CellName] { cells.filter { !$0.value.hasGreeted }.keys.sorted() }

    func took(_ summary: CellSummary, from cell: CellName) async throws {
        var summary = summary
        // A conductor that started without its database doesn't know its hosts.
        if summary.state == .stalled, let known = cells[cell]?.summary.zones { summary.zones = known }
        // A cell that isn't known has been removed; it joins anew with its next hello, or never.
        guard cells[cell] != nil else { return }
        cells[cell]?.summary = summary
        try await database.query("UPDATE compute.cells SET summary = \(json: summary) WHERE name = \(cell)")
    }

    /// Everything ranking needs, now.
    func snapshot() -> [CellSelection.Cell] {
        cells.map { name, entry in
            CellSelection.Cell(
                name: name, summary: entry.summary, contact: contact(name, entry), drained: entry.drained,
                isAhead: entry.isAhead)
        }
    }

    /// Ranks the cells for one server, and takes its room off the first at once, if that seems to have it: servers that are placed beside
    /// each other then spread as if they came one after the other.
    func rank(_ wish: CellSelection.Wish) -> CellSelection.Ranking {
        let ranking = CellSelection.rank(snapshot(), for: wish)
        if let first = ranking.cells.first, first.shortage == nil { reserved(wish.size, in: first.cell, zone: wish.zone) }
        return ranking
    }

    /// Cells that can be told something now.
    var reachable: [CellName] { cells.keys.filter { isInContact($0) }.sorted() }

    func isInContact(_ cell: CellName) -> Bool { age(of: cell).map { $0 <= silentAfter } ?? false }

    /// How long ago the cell was in contact; nil: never, or it says that its database doesn't answer, though its conductor lives.
    private func age(of cell: CellName) -> Duration? {
        cells[cell]?.summary.state == .stalled ? nil : messenger.contact(.cell(cell))
    }

    func answered(_ cell: CellName) { cells[cell]?.unansweredAt = nil }
    func leftUnanswered(_ cell: CellName) { cells[cell]?.unansweredAt = .now }

    /// Takes room off until the cell's next summary says what is left.
    func reserved(_ size: ResourceSize, in cell: CellName, zone: ZoneName?) {
        guard var entry = cells[cell] else { return }
        let index = entry.summary.zones.firstIndex { zone == nil || $0.name == zone }
        if let index { entry.summary.zones[index].free = entry.summary.zones[index].free - size }
        cells[cell] = entry
    }

    /// Writes down when each cell was last in contact, for the processes that answer reads.
    func noteContacts() async throws {
        let ages = cells.keys.compactMap { cell in age(of: cell).map { (cell, $0) } }
        guard !ages.isEmpty else { return }
        let now = Timestamp.now()
        try await database.query(
            """
            INSERT INTO compute.cell_contacts (cell, last_contact)
            SELECT * FROM unnest(\(ages.map(\.0)), \(ages.map { now - $0.1 }))
            ON CONFLICT (cell) DO UPDATE SET last_contact = excluded.last_contact
            """)
    }

    private func contact(_ name: CellName, _ entry: Entry) -> CellSelection.Cell.Contact {
        guard isInContact(name) else { return .silent }
        guard entry.hasGreeted else { return .unmet }
        guard let since = entry.unansweredAt, since.duration(to: .now) < Self.suspicion else { return .inContact }
        return .suspect
    }
}
