import APIConventions
import CloudModel
import Foundation

/// `/os-keypairs`: a user's own keys; administrators may name another user from 2.10 on.
struct ManageKeypairs: Sendable {
    let store: KeypairStore
    let quotas: QuotaStore

    func list(_ request: NovaRequest) async throws -> [UInt8] {
        let paging = try Paging(request.query)
        let user = try owner(request)
        var keys = try await store.list(of: user, limit: paging.limit + 1, after: request.version.minor >= 35 ? paging.marker : nil)
        let isLast = keys.count <= paging.limit
        if !isLast { keys.removeLast() }
        var json = JSONWriter(capacity: keys.count * 600 + 32)
        json.object {
            $0.array("keypairs") {
                for key in keys {
                    $0.object {
                        $0.object("keypair") {
                            $0.field("name", key.name)
                            $0.field("fingerprint", key.fingerprint)
                            $0.field("public_key", key.publicKey)
                            if request.version.minor >= 2 { $0.field("type", key.type) }
                        }
                    }
                }
            }
            if !isLast, request.version.minor >= 35, let last = keys.last {
                request.links.writeNext(to: &$0, "keypairs_links", path: "os-keypairs", query: request.query, marker: last.name)
            }
        }
        return json.bytes
    }

    func show(_ request: NovaRequest) async throws -> [UInt8] {
        let name = try request.parameter("keypair")
        let user = try owner(request)
        guard let key = try await store.keypair(name, of: user) else { throw Self.notFound(name, user) }
        var json = JSONWriter(capacity: 900)
        json.object {
            $0.object("keypair") {
                $0.field("id", 0)
                Self.write(key, request, to: &$0)
                $0.field("created_at", key.created.withoutZone)
                $0.null("updated_at")
                $0.field("deleted", false)
                $0.null("deleted_at")
            }
        }
        return json.bytes
    }

    func create(_ body: JSONValue, _ request: NovaRequest) async throws -> [UInt8] {
        let fields = try JSONFields(body, in: "keypair")
        var known: Set<String> = ["name", "public_key"]
        if request.version.minor >= 2 { known.insert("type") }
        if request.version.minor >= 10 { known.insert("user_id") }
        try fields.allow(only: known)
        let name = try fields.resourceName("name")
        guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || " -_@.".contains($0)) }) else {
            throw CloudError(.badRequest, "Keypair data is invalid: Keypair name contains unsafe characters")
        }
        let type = try fields.optionalString("type") ?? "ssh"
        guard type == "ssh" || type == "x509" else {
            throw JSONFields.invalid("type", .string(type), "'\(type)' is not one of ['ssh', 'x509']")
        }
        guard type == "ssh" else { throw CloudError(.notImplemented, "Keys of type x509 are not served by this cloud.") }
        let user = try owner(request, named: try fields.optionalString("user_id"))

        var generated: GeneratedKey?
        let publicKey: String
        if let given = try fields.optionalString("public_key", length: 0...16_384), fields.has("public_key") {
            publicKey = given.split(whereSeparator: \.isNewline).joined(separator: " ")
        } else {
            let key = try GeneratedKey(comment: "Generated-by-Meridian")
            generated = key
            publicKey = key.publicKey
        }
        let limit = try await quotas.limits(of: request.project).keyPairs
        switch try await store.insert(
            name: name, of: user, type: type, publicKey: publicKey, blob: try Self.blob(publicKey), limit: limit)
        {
        case .nameTaken: throw CloudError(.conflict, "Key pair '\(name)' already exists.")
        case .overQuota: throw CloudError(.overQuota, "Quota exceeded, too many key pairs.")
        case .added(let key):
            var json = JSONWriter(capacity: 1_200)
            json.object {
                $0.object("keypair") {
                    Self.write(key, request, to: &$0)
                    if let generated { $0.field("private_key", generated.privateKey) }
                }
            }
            return json.bytes
        }
    }

    func delete(_ request: NovaRequest) async throws {
        let name = try request.parameter("keypair")
        let user = try owner(request)
        guard try await store.delete(name, of: user) else { throw Self.notFound(name, user) }
    }

    private static func write(_ key: KeypairRecord, _ request: NovaRequest, to json: inout JSONWriter) {
        json.field("name", key.name)
        json.field("public_key", key.publicKey)
        json.field("fingerprint", key.fingerprint)
        json.field("user_id", key.user.rawValue)
        if request.version.minor >= 2 { json.field("type", key.type) }
    }

    /// The caller, or the user an administrator names.
    private func owner(_ request: NovaRequest, named: String? = nil) throws(CloudError) -> UserID {
        guard let name = named ?? (request.version.minor >= 10 ? request.query["user_id"] : nil), name != request.user.rawValue else {
            return request.user
        }
        guard request.caller.isAdmin else {
            throw CloudError(.forbidden, "Policy doesn't allow os_compute_api:os-keypairs of another user to be used.")
        }
        return UserID(name)
    }

    /// What stands in base64 in the key's second word. Throws for what isn't a public key in OpenSSH's form.
    private static func blob(_ publicKey: String) throws(CloudError) -> [UInt8] {
        let words = publicKey.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        guard words.count >= 2, let data = Data(base64Encoded: String(words[1])), data.count > 4 + words[0].utf8.count,
            Array(data.dropFirst(4).prefix(words[0].utf8.count)) == Array(words[0].utf8)
        else { throw CloudError(.badRequest, "Keypair data is invalid: failed to generate fingerprint") }
        return Array(data)
    }

    private static func notFound(_ name: String, _ user: UserID) -> CloudError {
        CloudError(.notFound, "Keypair \(name) not found for user \(user)")
    }
}
