/// A statement prepared on one connection.
final class PreparedStatement {
    let name: String
    let key: StatementCache.Key
    /// Set when preparing it failed: whoever used it meanwhile is told this instead of "does not exist".
    var failure: DatabaseError?
    var columns: Columns?
    fileprivate(set) var lastUse: UInt64 = 0

    init(name: String, key: StatementCache.Key) {
        self.name = name
        self.key = key
    }
}

/// Which statements a connection has prepared, by text and parameter types; the one not used for longest goes first.
struct StatementCache {
    /// Statements per connection. Too few prepares again and again, too many costs the server memory (some 20 kB each).
    let limit: Int
    private var statements: [Key: PreparedStatement] = [:]
    private var uses: UInt64 = 0
    private var made: UInt64 = 0
    /// Names to be deallocated on the server when it suits.
    private(set) var evicted: [String] = []

    struct Key: Hashable {
        let text: String
        let types: [UInt32]

        static func == (left: Self, right: Self) -> Bool { left.text == right.text && left.types == right.types }
        func hash(into hasher: inout Hasher) { hasher.combine(text) }
    }

    init(limit: Int) { self.limit = limit }

    /// The statement, and whether it is new and must be prepared before it is used.
    mutating func use(_ sql: SQL) -> (statement: PreparedStatement, isNew: Bool) {
        uses += 1
        let key = Key(text: sql.text, types: sql.parameters.slots.map(\.type.rawValue))
        if let known = statements[key] {
            known.lastUse = uses
            return (known, false)
        }
        if statements.count >= limit { evictOldest() }
        made += 1
        let statement = PreparedStatement(name: "s\(made)", key: key)
        statement.lastUse = uses
        statements[key] = statement
        return (statement, true)
    }

    /// Forgets a statement that does not exist on the server, or whose plan no longer fits its tables.
    mutating func forget(_ statement: PreparedStatement, deallocating: Bool) {
        guard statements[statement.key] === statement else { return }
        statements[statement.key] = nil
        if deallocating { evicted.append(statement.name) }
    }

    mutating func takeEvicted() -> [String] {
        defer { evicted.removeAll() }
        return evicted
    }

    var count: Int { statements.count }

    private mutating func evictOldest() {
        guard let oldest = statements.values.min(by: { $0.lastUse < $1.lastUse }) else { return }
        statements[oldest.key] = nil
        evicted.append(oldest.name)
    }
}
