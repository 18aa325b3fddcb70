package import CellProtocol
package import CloudModel
package import Database

/// The keys of the child cells, and the tokens with which cells bring them: `compute.cell_keys` and `compute.enrolment_tokens`.
///
/// The super-scheduler reads the keys when it starts, every second, and when `ComputeChannel.enrolments` rings, which whoever changes them
/// does after the commit.
package struct CellEnrolments: Sendable {
    /// A token that hasn't been used.
    package struct OpenTicket: Sendable, Equatable {
        /// The first eight hex digits of its digest: what `revoke` is told.
        package let id: String
        package let cell: CellName
        package let replaces: Bool
        package let expires: Timestamp
        package let isExpired: Bool
    }

    /// A cell that is let in.
    package struct EnrolledCell: Sendable, Equatable {
        package let cell: CellName
        package let key: CurvePublicKey
        package let since: Timestamp
    }

    private let database: Database

    package init(database: Database) { self.database = database }

    // MARK: Tokens

    /// A token for a cell, good for `lifetime`. Tokens that ran out more than a day ago are forgotten on the way.
    package func issue(for cell: CellName, lifetime: Duration, replaces: Bool) async throws -> EnrolmentToken {
        let token = EnrolmentToken.random()
        try await database.transaction { transaction in
            try await transaction.query(
                """
                INSERT INTO compute.enrolment_tokens (digest, cell, replaces, expires_at)
                VALUES (\(token.digest), \(cell), \(replaces), now() + \(lifetime.inMicroseconds) * interval '1 microsecond')
                """)
            try await transaction.query(
                "DELETE FROM compute.enrolment_tokens WHERE expires_at < now() - interval '1 day'")
        }
        return token
    }

    package func openTickets() async throws -> [OpenTicket] {
        try await database.query(
            """
            SELECT left(digest, 8) AS id, cell, replaces, expires_at, expires_at <= now() AS expired
            FROM compute.enrolment_tokens WHERE redeemed_at IS NULL ORDER BY cell, expires_at
            """
        ).map {
            OpenTicket(
                id: try $0.get("id"), cell: try $0.get("cell"), replaces: try $0.get("replaces"),
                expires: try $0.get("expires_at"), isExpired: try $0.get("expired"))
        }
    }

    /// Takes unused tokens back whose digest begins so. Returns whose they were.
    package func revoke(_ id: String) async throws -> [CellName] {
        try await database.query(
            """
            DELETE FROM compute.enrolment_tokens
            WHERE redeemed_at IS NULL AND left(digest, 8) = \(id) RETURNING cell
            """
        ).map { try $0.get("cell") }
    }

    // MARK: Keys

    package func enrolled() async throws -> [EnrolledCell] {
        try await database.query("SELECT cell, public_key, enrolled_at FROM compute.cell_keys ORDER BY cell").map {
            let key: String = try $0.get("public_key")
            guard let known = CurvePublicKey(key) else {
                throw CloudError(.internalError, "The key of the cell \(try $0.get("cell") as String) in the database is none.")
            }
            return EnrolledCell(cell: try $0.get("cell"), key: known, since: try $0.get("enrolled_at"))
        }
    }

    /// A cell brings a token and its key. True: it is let in now; false: it was before, by the same words. Throws `CloudError` for whatever
    /// else: `forbidden` for a token that doesn't hold, `conflict` for a key that doesn't fit.
    package func redeem(_ token: EnrolmentToken, for cell: CellName, key: CurvePublicKey) async throws -> Bool {
        // Whoever guesses tokens gets no transaction.
        let known = try await database.query("SELECT 1 AS one FROM compute.enrolment_tokens WHERE digest = \(token.digest)")
        guard !known.isEmpty else { throw EnrolmentRefusal.unknownToken.error }
        return try await changing { transaction in
            let row = try await transaction.query(
                """
                SELECT cell, replaces, expires_at, redeemed_by, clock_timestamp() AS now FROM compute.enrolment_tokens
                WHERE digest = \(token.digest) FOR UPDATE
                """
            ).first
            let ticket = try row.map {
                EnrolmentTicket(
                    cell: try $0.get("cell"), replaces: try $0.get("replaces"), expires: try $0.get("expires_at"),
                    redeemedBy: try $0.get("redeemed_by"))
            }
            let now: Timestamp = try row?.get("now") ?? .now()
            let present = try await Self.present(cell, transaction)
            let isNew = try await Self.carryOut(
                .redeem(ticket, for: cell, key: key.text, present: present, now: now), cell, key, replacing: present,
                transaction)
            try await transaction.query(
                """
                UPDATE compute.enrolment_tokens SET redeemed_at = now(), redeemed_by = \(key.text)
                WHERE digest = \(token.digest) AND redeemed_at IS NULL
                """)
            return isNew
        }
    }

    /// An operator lets a cell in. True and false as above; throws `conflict` unless `replaces` when the cell has another key.
    package func admit(_ cell: CellName, key: CurvePublicKey, replaces: Bool) async throws -> Bool {
        try await changing { transaction in
            let present = try await Self.present(cell, transaction)
            return try await Self.carryOut(
                .admit(key.text, replacing: present, isAllowed: replaces, cell), cell, key, replacing: present, transaction)
        }
    }

    // MARK: -

    private func changing(_ change: @Sendable (Transaction) async throws -> Bool) async throws -> Bool {
        let isNew: Bool
        do {
            isNew = try await database.transaction { try await change($0) }
        } catch let error as DatabaseError where error.sqlState == .uniqueViolation {
            // Another cell's key, or two requests for one cell at the same moment: then the other one was first.
            throw error.constraint == "cell_keys_pkey"
                ? CloudError(.conflict, "The cell is just being enrolled by another request.", cause: error)
                : EnrolmentRefusal.keyOfAnother.error
        }
        try await database.notify(ComputeChannel.enrolments)
        return isNew
    }

    private static func present(_ cell: CellName, _ transaction: Transaction) async throws -> String? {
        try await transaction.query("SELECT public_key FROM compute.cell_keys WHERE cell = \(cell) FOR UPDATE").first?.get(
            "public_key")
    }

    private static func carryOut(
        _ decision: EnrolmentDecision, _ cell: CellName, _ key: CurvePublicKey, replacing present: String?,
        _ transaction: Transaction
    ) async throws -> Bool {
        switch decision {
        case .refuse(let why): throw why.error
        case .isAdmitted: return false
        case .admit where present == nil:
            // Not an upsert: of two that find no key, which is no row that could be locked, one must lose.
            try await transaction.query("INSERT INTO compute.cell_keys (cell, public_key) VALUES (\(cell), \(key.text))")
        case .admit:
            try await transaction.query(
                "UPDATE compute.cell_keys SET public_key = \(key.text), enrolled_at = now() WHERE cell = \(cell)")
        }
        return true
    }
}
