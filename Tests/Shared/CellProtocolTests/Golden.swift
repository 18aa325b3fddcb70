import CellProtocol
import Foundation

/// A value with the bytes it has on the wire. Neighbouring releases talk to each other: what is written here was sent by somebody.
struct Golden: Sendable, CustomStringConvertible {
    let name: String
    /// As it is sent; whitespace outside of strings doesn't count.
    let json: String
    /// The fields a reader does without, as paths: everything else must be there. Fields are only ever added to this list.
    let optional: Set<String>
    private let encode: @Sendable () throws -> [UInt8]
    private let reencode: @Sendable ([UInt8]) throws -> [UInt8]

    init<Value: Codable & Sendable>(_ name: String, _ value: Value, optional: [String] = [], _ json: String) {
        self.name = name
        self.json = json
        self.optional = Set(optional)
        encode = { try CellCoding.encode(value) }
        reencode = { try CellCoding.encode(CellCoding.decode(Value.self, from: $0)) }
    }

    var description: String { name }

    /// The value as this release sends it.
    func encoded() throws -> String { String(decoding: try encode(), as: UTF8.self) }

    /// `object` read and written again by this release.
    func read(_ object: Any) throws -> String {
        String(decoding: try reencode(Array(try Self.data(object))), as: UTF8.self)
    }

    func object() throws -> Any { try JSONSerialization.jsonObject(with: Data(json.utf8)) }

    /// The golden text without its line breaks.
    func canonical() throws -> String { String(decoding: try Self.data(object()), as: UTF8.self) }

    static func data(_ object: Any) throws -> Data {
        try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    }

    /// Objects whose keys are data, not fields.
    private static let maps: Set<String> = ["metadata", "hints", "extraSpecs", "groups", "removed"]

    /// `object` as a later release may send it: with fields that this one doesn't know, everywhere.
    static func enriched(_ object: Any) -> Any {
        if let list = object as? [Any] { return list.map(enriched) }
        guard let fields = object as? [String: Any] else { return object }
        var result: [String: Any] = [:]
        for (key, value) in fields { result[key] = maps.contains(key) ? value : enriched(value) }
        result["fromALaterRelease"] = ["a": [1, "b"]]
        return result
    }

    /// The paths of all fields: `intents.0.deadline`.
    static func paths(of object: Any, under prefix: String = "") -> [String] {
        if let list = object as? [Any] {
            return list.enumerated().flatMap { paths(of: $1, under: "\(prefix)\($0).") }
        }
        guard let fields = object as? [String: Any] else { return [] }
        return fields.keys.sorted().flatMap { key in
            ["\(prefix)\(key)"] + (maps.contains(key) ? [] : paths(of: fields[key] ?? [], under: "\(prefix)\(key)."))
        }
    }

    /// `object` without the field at a path.
    static func without(_ path: some Collection<Substring>, in object: Any) -> Any {
        guard let first = path.first else { return object }
        if var list = object as? [Any], let index = Int(first) {
            list[index] = without(path.dropFirst(), in: list[index])
            return list
        }
        guard var fields = object as? [String: Any] else { return object }
        fields[String(first)] = path.count == 1 ? nil : fields[String(first)].map { without(path.dropFirst(), in: $0) }
        return fields
    }

    /// The fields whose absence this release bears.
    func bearableAbsences() throws -> Set<String> {
        let object = try object()
        return Set(
            Self.paths(of: object).filter { path in
                (try? read(Self.without(path.split(separator: "."), in: object))) != nil
            })
    }
}

extension Golden {
    static let all = placement + cells + hosts
}
