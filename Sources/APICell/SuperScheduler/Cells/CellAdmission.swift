internal import CellProtocol
internal import CloudModel
internal import ComputeRecords
internal import Logging
internal import Messaging
internal import Observability

/// Lets the enrolled cells onto the message bus: what the database says of their keys, in the roster that the link's handshake asks.
struct CellAdmission: Sendable {
    private let enrolments: CellEnrolments
    private let roster: KeyRoster
    private let log: Logger
    /// Whom the log was told of.
    private let admitted = Lock<Set<CellName>>([])

    init(enrolments: CellEnrolments, roster: KeyRoster, log: Logger) {
        self.enrolments = enrolments
        self.roster = roster
        self.log = log
    }

    /// Reads the keys anew.
    func refresh() async throws {
        let enrolled = try await enrolments.enrolled()
        roster.replace(with: Dictionary(uniqueKeysWithValues: enrolled.map { ($0.key, PeerName.cell($0.cell)) }))
        let cells = Set(enrolled.map(\.cell))
        let before = admitted.withLock { known in
            defer { known = cells }
            return known
        }
        for cell in cells.subtracting(before).sorted() { log.info("a cell is let in", metadata: [.cell: "\(cell)"]) }
        for cell in before.subtracting(cells).sorted() {
            log.notice("a cell is not let in any more", metadata: [.cell: "\(cell)"])
        }
    }
}
