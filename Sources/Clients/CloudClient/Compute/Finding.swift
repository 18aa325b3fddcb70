/// Names and ids are accepted everywhere; an id wins, and a name must mean exactly one thing.
extension CloudSession {
    /// The server of that id or name, among the caller's own; one question.
    public func findServer(_ text: String) async throws -> ServerSummary {
        ServerSummary(try await meridian("/servers/\(Self.escaped(text))")["server"] ?? .null)
    }

    public func findImage(_ text: String) async throws -> JSON { try await Self.one(text, among: images(), kind: "image") }
    public func findFlavor(_ text: String) async throws -> JSON { try await Self.one(text, among: flavors(), kind: "flavor") }

    private static func one(_ text: String, among all: [JSON], kind: String) throws -> JSON {
        try one(text, among: all, kind: kind, id: { $0["id"]?.string ?? "" }, name: { $0["name"]?.string ?? "" })
    }

    static func one<T>(_ text: String, among all: [T], kind: String, id: (T) -> String, name: (T) -> String) throws -> T {
        if let exact = all.first(where: { id($0) == text }) { return exact }
        let named = all.filter { name($0) == text }
        guard let found = named.first else { throw CloudClientError.notFound("No \(kind) is called \(text).") }
        guard named.count == 1 else {
            throw CloudClientError.ambiguous(
                "\(named.count) \(kind)s are called \(text); use an id: \(named.map(id).joined(separator: ", ")).")
        }
        return found
    }
}
