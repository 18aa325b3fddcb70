import APIConventions
import CellProtocol
import CloudModel
import ComputeRecords
import Logging
import Observability

/// `POST /meridian/v1/enrolments`: a child cell brings its token and its public key, and is let in: its key is enrolled, its region stands in
/// the catalog. The token is who it is; no other authentication is asked for.
struct EnrolCell: Sendable {
    struct Enrolment: Sendable {
        let cell: CellName
        /// False: it was let in before, by the same words.
        let isNew: Bool
    }

    let enrolments: CellEnrolments
    let welcome: CellWelcome
    let log: Logger
    private let pace = Lock(RequestPace(burst: 20, perSecond: 5))

    /// Longer bodies are refused before they are read.
    static let largestBody = 4 << 10

    init(enrolments: CellEnrolments, welcome: CellWelcome, log: Logger) {
        self.enrolments = enrolments
        self.welcome = welcome
        self.log = log
    }

    /// `{"enrolment": {"token": …, "cell": "tunis", "public_key": …, "description": …}}`. May be repeated by a cell that heard no answer.
    ///
    /// Throws 400 for what can't be a cell, a key or a token, 403 for a token that doesn't hold, 409 for one that is used up and for a key that
    /// doesn't fit, 503 when too many ask.
    func callAsFunction(_ body: JSONValue) async throws -> Enrolment {
        guard pace.withLock({ $0.take(at: .now) }) else {
            throw CloudError(.unavailable, "Too many enrolments are asked for. Try again in a moment.", retryAfter: 1)
        }
        let fields = try JSONFields(body, in: "enrolment")
        try fields.allow(only: ["token", "cell", "public_key", "description"])
        let cell = CellName(try fields.string("cell"))
        guard PlainName.fits(cell.rawValue) else {
            throw CloudError(.badRequest, "cell is a region's name: \(PlainName.rule).")
        }
        guard let key = CurvePublicKey(try fields.string("public_key")) else {
            throw CloudError(.badRequest, "public_key is a CURVE key: 40 characters of Z85.")
        }
        let description = try fields.optionalString("description") ?? ""
        guard let token = EnrolmentToken(try fields.string("token")) else { throw EnrolmentRefusal.unknownToken.error }
        let isNew: Bool
        do {
            isNew = try await enrolments.redeem(token, for: cell, key: key)
        } catch let error as CloudError {
            log.warning("a cell was not enrolled", metadata: [.cell: "\(cell)", .error: "\(error.message)"])
            throw error
        }
        // After the key: a process that dies here leaves a cell without endpoints, which asks again, or whom `bootstrap` gives them.
        try await welcome.catalog.add(cell, description: description)
        if isNew { log.notice("a cell was enrolled", metadata: [.cell: "\(cell)", "key": "\(key)"]) }
        return Enrolment(cell: cell, isNew: isNew)
    }
}

/// How many requests may come: `burst` at once, and `perSecond` in the long run.
struct RequestPace: Sendable {
    private let burst: Double
    private let perSecond: Double
    private var left: Double
    private var counted: ContinuousClock.Instant?

    init(burst: Double, perSecond: Double) {
        self.burst = burst
        self.perSecond = perSecond
        left = burst
    }

    /// Whether one more may come at this moment.
    mutating func take(at now: ContinuousClock.Instant) -> Bool {
        if let counted { left = min(burst, left + (now - counted) / .seconds(1) * perSecond) }
        counted = now
        guard left >= 1 else { return false }
        left -= 1
        return true
    }
}
