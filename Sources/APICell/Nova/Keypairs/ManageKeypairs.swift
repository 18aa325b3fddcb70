import APIConventions
import CloudModel
import Foundation
import Tokens

/// `/os-keypairs`: a user's own keys; administrators may name another user from 2.10 on.
struct ManageKeypairs: Sendable {
    let store: KeypairStore
    let quotas: QuotaStore

    func list(_ request: NovaRequest) async throws -> [UInt8] {
        let user = try owner(request, "os_compute_api:os-keypairs:index")
        // Before 2.35 there are no pages, whatever the query says.
        let paging = request.version.minor >= 35 ? try Paging(request.query) : nil
        var keys = try await store.list(of: user, limit: paging.map { $0.limit + 1 }, after: paging?.marker)
        let isLast = paging.map { keys.count <= $0.limit } ?? true
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
            if !isLast, let last = keys.last {
                request.links.writeNext(to: &$0, "keypairs_links", path: "os-keypairs", query: request.query, marker: last.name)
            }
        }
        return json.bytes
    }

    func show(_ request: NovaRequest) async throws -> [UInt8] {
        let name = try request.parameter("keypair")
        let user = try owner(request, "os_compute_api:os-keypairs:show")
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
        let named = request.version.minor >= 10 ? try fields.optionalString("user_id") : nil
        let user = try owner(request, "os_compute_api:os-keypairs:create", named: named)
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
        let key = try await Self.key(fields, type: type, for: user)
        let limit = try await quotas.limits(of: request.project).keyPairs
        switch try await store.insert(
            name: name, of: user, type: type, publicKey: key.publicKey, fingerprint: key.fingerprint, limit: limit)
        {
        case .nameTaken: throw CloudError(.conflict, "Key pair '\(name)' already exists.")
        case .overQuota: throw CloudError(.overQuota, "Quota exceeded, too many key pairs.")
        case .added(let record):
            var json = JSONWriter(capacity: 1_200)
            json.object {
                $0.object("keypair") {
                    Self.write(record, request, to: &$0)
                    if let privateKey = key.privateKey { $0.field("private_key", privateKey) }
                }
            }
            return json.bytes
        }
    }

    func delete(_ request: NovaRequest) async throws {
        let name = try request.parameter("keypair")
        let user = try owner(request, "os_compute_api:os-keypairs:delete")
        guard try await store.delete(name, of: user) else { throw Self.notFound(name, user) }
    }

    private static func write(_ key: KeypairRecord, _ request: NovaRequest, to json: inout JSONWriter) {
        json.field("name", key.name)
        json.field("public_key", key.publicKey)
        json.field("fingerprint", key.fingerprint)
        json.field("user_id", key.user.rawValue)
        if request.version.minor >= 2 { json.field("type", key.type) }
    }

    /// The caller, or the user an administrator names. Throws 403 unless the caller may do this with that user's keypairs.
    private func owner(_ request: NovaRequest, _ action: String, named: String? = nil) throws(CloudError) -> UserID {
        let user =
            (named ?? (request.version.minor >= 10 ? request.query["user_id"] : nil)).map { UserID($0) } ?? request.user
        try request.enforce(action, onThingsOf: user)
        guard user == request.user || request.caller.isAdmin else {
            throw CloudError(.forbidden, "Policy doesn't allow os_compute_api:os-keypairs of another user to be used.")
        }
        return user
    }

    /// The key the caller brings, or a new one whose private half is in the answer and nowhere else.
    private static func key(
        _ fields: JSONFields, type: String, for user: UserID
    ) async throws -> (publicKey: String, fingerprint: String, privateKey: String?) {
        let given = fields.has("public_key") ? try fields.optionalString("public_key", length: 0...16_384) : nil
        if type == "x509" {
            guard let given else {
                let new = try await newCertificate(for: user)
                return (new.certificate.pem, new.certificate.fingerprint, new.privateKey)
            }
            guard let certificate = UserCertificate(pem: given) else { throw unreadable }
            return (certificate.pem, certificate.fingerprint, nil)
        }
        guard let given else {
            let new = try GeneratedKey(comment: "Generated-by-Meridian")
            return (new.publicKey, try fingerprint(new.publicKey), new.privateKey)
        }
        let line = given.split(whereSeparator: \.isNewline).joined(separator: " ")
        return (line, try fingerprint(line), nil)
    }

    /// An RSA key is a tenth of a second of arithmetic: not on the threads that answer requests.
    private static func newCertificate(for user: UserID) async throws -> (certificate: UserCertificate, privateKey: String) {
        try await withCheckedThrowingContinuation { done in
            DispatchQueue.global(qos: .utility).async {
                done.resume(with: Result { try UserCertificate.generated(for: user) })
            }
        }
    }

    /// MD5 of what stands in base64 in the key's second word. Throws for what isn't a public key in OpenSSH's form.
    private static func fingerprint(_ publicKey: String) throws(CloudError) -> String {
        let words = publicKey.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        guard words.count >= 2, let data = Data(base64Encoded: String(words[1])), data.count > 4 + words[0].utf8.count,
            Array(data.dropFirst(4).prefix(words[0].utf8.count)) == Array(words[0].utf8)
        else { throw unreadable }
        let digits = Array(MD5Digest.hex(of: data))
        return stride(from: 0, to: digits.count, by: 2).map { String(digits[$0...$0 + 1]) }.joined(separator: ":")
    }

    private static let unreadable = CloudError(.badRequest, "Keypair data is invalid: failed to generate fingerprint")

    private static func notFound(_ name: String, _ user: UserID) -> CloudError {
        CloudError(.notFound, "Keypair \(name) not found for user \(user)")
    }
}
