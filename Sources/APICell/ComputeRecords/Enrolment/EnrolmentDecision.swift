package import CloudModel

/// Whether a key becomes a cell's. A pure rule; whatever else holds is said by the table's own constraints.
package enum EnrolmentDecision: Sendable, Equatable {
    /// The key becomes the cell's.
    case admit
    /// It is the cell's already: said again, by a cell that didn't hear the answer.
    case isAdmitted
    case refuse(EnrolmentRefusal)

    /// By a token.
    ///
    /// - Parameters:
    ///   - ticket: what is known of the token; nil: nothing, it is forged or was revoked.
    ///   - key: what the cell `cell` offers.
    ///   - present: the key that the cell has; nil: it isn't enrolled.
    package static func redeem(
        _ ticket: EnrolmentTicket?, for cell: CellName, key: String, present: String?, now: Timestamp
    ) -> EnrolmentDecision {
        guard let ticket else { return .refuse(.unknownToken) }
        guard ticket.cell == cell else { return .refuse(.anotherCells(ticket.cell)) }
        if let redeemer = ticket.redeemedBy {
            // An answer was lost, or somebody else has read the token. The same key can only mean the first.
            guard redeemer == key else { return .refuse(.used(cell)) }
            return present == key ? .isAdmitted : .refuse(.hasAnotherKey(cell))
        }
        guard ticket.expires > now else { return .refuse(.expired(ticket.expires)) }
        return admit(key, replacing: present, isAllowed: ticket.replaces, cell)
    }

    /// By an operator's word, or a token that holds.
    package static func admit(
        _ key: String, replacing present: String?, isAllowed replaces: Bool, _ cell: CellName
    ) -> EnrolmentDecision {
        guard let present else { return .admit }
        if present == key { return .isAdmitted }
        return replaces ? .admit : .refuse(.hasAnotherKey(cell))
    }
}

/// Why a cell isn't let in.
package enum EnrolmentRefusal: Sendable, Equatable {
    case unknownToken
    case anotherCells(CellName)
    case used(CellName)
    case expired(Timestamp)
    case hasAnotherKey(CellName)
    case keyOfAnother

    /// What the cell is told, and what would help.
    package var error: CloudError {
        switch self {
        case .unknownToken: CloudError(.forbidden, "The enrolment token is not valid, or was revoked.")
        case .anotherCells(let cell): CloudError(.forbidden, "The enrolment token is for the cell \(cell).")
        case .used(let cell):
            CloudError(
                .conflict,
                "The enrolment token of the cell \(cell) has been used with another key. Make a new one, and find out by whom.")
        case .expired(let when): CloudError(.forbidden, "The enrolment token expired at \(when). Make a new one.")
        case .hasAnotherKey(let cell):
            CloudError(
                .conflict,
                "The cell \(cell) is enrolled with another key. If this one shall replace it, make a token with --replace.")
        case .keyOfAnother: CloudError(.conflict, "This key is another cell's. Each cell has a key of its own.")
        }
    }
}
