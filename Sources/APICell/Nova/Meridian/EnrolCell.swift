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

    /// Longer bodies are refused before they are read.
    static let largestBody = 4 << 10

    init(enrolments: CellEnrolments, welcome: CellWelcome, log: Logger) {
        self.enrolments = enrolments
        self.welcome = welcome
        self.log = log
    }

    /// `{"enrolment": {"token": …, "cell": "tunis", "public_key": …, "description": …}}`. May be repeated by a cell that heard no answer.
    ///
    /// Throws 400 for what can't be a cell or a key, 403 for a token that doesn't hold, 409 for one that is used up and for a key that doesn't
    /// fit. A guess costs one look at an index.
    func callAsFunction(_ body: JSONValue) async throws -> Enrolment {
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
