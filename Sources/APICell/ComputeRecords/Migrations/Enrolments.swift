internal import Database

extension ComputeMigrations {
    static let enrolments = Migration(
        "0025-enrolments",
        """
        -- Which key each child cell has: whoever proves it on the message bus is the cell. Written when a cell enrols, or by an operator.
        CREATE TABLE compute.cell_keys (
            cell         text PRIMARY KEY,
            public_key   text NOT NULL UNIQUE,              -- CURVE, 40 characters of Z85
            enrolled_at  timestamptz NOT NULL DEFAULT now()
        );
        -- Tokens that let a cell enrol, once. Their text is known to whoever was told it; here is its digest.
        CREATE TABLE compute.enrolment_tokens (
            digest       text PRIMARY KEY,                  -- SHA-256 of the text, 64 hex digits
            cell         text NOT NULL,
            replaces     bool NOT NULL,                     -- whether it may give a cell another key than it has
            created_at   timestamptz NOT NULL DEFAULT now(),
            expires_at   timestamptz NOT NULL,
            redeemed_at  timestamptz,
            redeemed_by  text                               -- the key that was enrolled with it
        );
        CREATE INDEX enrolment_tokens_by_cell ON compute.enrolment_tokens (cell);
        """)
}
