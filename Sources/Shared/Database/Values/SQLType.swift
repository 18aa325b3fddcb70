/// The object identifier of a PostgreSQL type (`pg_type.oid`); those of built-in types are the same in every database.
package struct SQLType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    init(_ oid: UInt32) { rawValue = oid }

    static let bool = SQLType(16)
    static let bytea = SQLType(17)
    static let char = SQLType(18)
    static let name = SQLType(19)
    static let int8 = SQLType(20)
    static let int2 = SQLType(21)
    static let int4 = SQLType(23)
    static let text = SQLType(25)
    static let oid = SQLType(26)
    static let json = SQLType(114)
    static let float4 = SQLType(700)
    static let float8 = SQLType(701)
    static let unknown = SQLType(705)
    static let bpchar = SQLType(1042)
    static let varchar = SQLType(1043)
    static let date = SQLType(1082)
    static let timestamp = SQLType(1114)
    static let timestamptz = SQLType(1184)
    static let interval = SQLType(1186)
    static let numeric = SQLType(1700)
    static let uuid = SQLType(2950)
    static let jsonb = SQLType(3802)

    static let boolArray = SQLType(1000)
    static let byteaArray = SQLType(1001)
    static let int2Array = SQLType(1005)
    static let int4Array = SQLType(1007)
    static let textArray = SQLType(1009)
    static let int8Array = SQLType(1016)
    static let float8Array = SQLType(1022)
    static let timestamptzArray = SQLType(1185)
    static let intervalArray = SQLType(1187)
    static let uuidArray = SQLType(2951)

    /// Types made in this database (enums, domains) have numbers from here on.
    static let firstUserDefined: UInt32 = 16_384

    package var description: String {
        switch self {
        case .bool: "boolean"
        case .bytea: "bytea"
        case .int2: "smallint"
        case .int4: "integer"
        case .int8: "bigint"
        case .text: "text"
        case .varchar: "varchar"
        case .json: "json"
        case .jsonb: "jsonb"
        case .float4: "real"
        case .float8: "double precision"
        case .numeric: "numeric"
        case .uuid: "uuid"
        case .timestamp: "timestamp"
        case .timestamptz: "timestamptz"
        case .interval: "interval"
        default: "type \(rawValue)"
        }
    }
}
