import APIConventions
import CloudModel
import Database
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Observability
import Tokens

/// What every route of Keystone needs.
struct Identity: Sendable {
    let database: Database
    let policy: Policy
    let hasher: PasswordHasher
    let validity: TokenValidity
    let catalog: CatalogCache
    /// `https://203.0.113.7:5000`, for links.
    let baseURL: String
    let tokenLifetime: Duration
    let logger: Logger

    /// After every change: what this process remembers is forgotten before the client hears of success; the others are woken.
    /// A wake-up that gets lost costs them at most ``TokenValidity/memory``.
    func changed() async {
        validity.forget()
        catalog.forget()
        do {
            try await database.notify(Self.channel)
        } catch {
            logger.warning("other processes were not told of a change", metadata: [.error: "\(error)"])
        }
    }

    static let channel = "keystone_changed"

    func link(_ path: String) -> String { "\(baseURL)/v3/\(path)" }

    func allow(_ action: String, _ context: APIRequestContext, on target: [String: String] = [:]) throws(CloudError) -> Caller {
        let caller = try context.caller
        try policy.enforce("identity:\(action)", by: caller, on: target)
        return caller
    }

    /// A listing as Keystone writes it.
    func list<Item>(
        _ name: String, _ items: [Item], of request: Request, next: String? = nil, _ write: (inout JSONWriter, Item) -> Void
    ) -> Response {
        .json(capacity: 256 + items.count * 320) {
            $0.array(named: name) { for item in items { $0.object { write(&$0, item) } } }
            $0.object("links") {
                $0.field("next", next)
                $0.field("self", "\(baseURL)\(request.uri.path)\(request.uri.query.map { "?\($0)" } ?? "")")
                $0.field("previous", nil as String?)
            }
        }
    }

    static func newID() -> String { UUID().hex }

    static func notFound(_ noun: String, _ id: String) -> CloudError {
        CloudError(.notFound, "Could not find \(noun): \(id.prefix(80)).")
    }

    static func conflict(_ noun: String, _ name: String, cause: any Error) -> CloudError {
        CloudError(
            .conflict, "Conflict occurred attempting to store \(noun) - Duplicate entry found with name \(name).", cause: cause)
    }

    /// Errors of other modules that have a better answer than 500.
    @Sendable static func translate(_ error: any Error) -> CloudError? {
        guard let error = error as? DatabaseError else { return nil }
        return error.isConnectionLoss
            ? CloudError(
                .unavailable, "The identity service can't reach its database. Try again in a moment.", cause: error,
                retryAfter: 1)
            : nil
    }
}

/// Runs `body` and words a duplicate name as Keystone does.
func storing<Result>(_ noun: String, _ name: String, _ body: () async throws -> Result) async throws -> Result {
    do {
        return try await body()
    } catch let error as DatabaseError where error.sqlState == .uniqueViolation {
        throw Identity.conflict(noun, name, cause: error)
    }
}

extension JSONFields {
    /// The members that no column is for: Keystone keeps and returns whatever it is told.
    func extra(besides known: Set<String>) throws(CloudError) -> JSONObject {
        let extra = object.members.filter { !known.contains($0.key) }
        guard extra.count <= 32, extra.allSatisfy({ $0.key.unicodeScalars.count <= 64 }),
            JSONValue.object(JSONObject(extra)).text.utf8.count <= 16_384
        else { throw CloudError(.badRequest, "\(name) has too many or too long additional attributes.") }
        return JSONObject(extra)
    }
}

extension JSONObject {
    /// This with `patch` over it; a member that is patched to null goes.
    func patched(with patch: JSONObject) -> JSONObject {
        var out = self
        for member in patch.members { out[member.key] = member.value.isNull ? JSONValue?.none : member.value }
        return out
    }

    var text: String { JSONValue.object(self).text }
}

extension JSONWriter {
    mutating func extra(_ extra: JSONObject) {
        for member in extra.members { field(named: member.key, member.value) }
    }

    mutating func selfLink(_ url: String) {
        object("links") { $0.field("self", url) }
    }
}
