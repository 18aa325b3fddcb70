package import CloudModel

/// A permission to fetch one image, for one server or for a region's warm-up, handed to one host and worth nothing to anyone else. Signed by the
/// API cell, verified by Glance without asking anybody, so that a boot outlives its user's token.
package struct Grant: Sendable, Equatable {
    package var image: ImageID
    /// Whose boot it is; nil: nobody's, the host fetches ahead.
    package var server: ServerID?
    package var host: HostName
    /// The public half of the host's image key (`HostImageKey.publicText`): whoever uses the grant must prove to have the other.
    package var hostKey: String
    package var expiresAt: Timestamp

    package init(image: ImageID, server: ServerID?, host: HostName, hostKey: String, expiresAt: Timestamp) {
        self.image = image
        self.server = server
        self.host = host
        self.hostKey = hostKey
        self.expiresAt = expiresAt
    }

    /// `version | image | server, zeros for none | expires (µs) | host | host key`, texts with a length byte before them.
    var encoded: [UInt8] {
        var out: [UInt8] = [1]
        out += image.rawValue.bytes
        out += server?.rawValue.bytes ?? Self.noServer
        withUnsafeBytes(of: expiresAt.microseconds.bigEndian) { out.append(contentsOf: $0) }
        for text in [host.rawValue, hostKey] {
            let bytes = text.utf8.prefix(255)
            out.append(UInt8(bytes.count))
            out += bytes
        }
        return out
    }

    init?(decoding bytes: ArraySlice<UInt8>) {
        var rest = bytes
        func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        func text() -> String? { take(1)?.first.flatMap { take(Int($0)) }.flatMap { String(validating: $0, as: UTF8.self) } }
        guard take(1)?.first == 1, let image = take(16).flatMap({ ImageID(Self.dashed($0)) }),
            let serverBytes = take(16), let server = ServerID(Self.dashed(serverBytes)),
            let expires = take(8), let host = text(), let key = text(), rest.isEmpty
        else { return nil }
        self.init(
            image: image, server: serverBytes.elementsEqual(Self.noServer) ? nil : server, host: HostName(host), hostKey: key,
            expiresAt: Timestamp(microseconds: expires.reduce(Int64(0)) { $0 << 8 | Int64($1) }))
    }

    private static let noServer = [UInt8](repeating: 0, count: 16)

    private static func dashed(_ bytes: ArraySlice<UInt8>) -> String {
        let hex = Array(bytes.hex)
        return [hex[0..<8], hex[8..<12], hex[12..<16], hex[16..<20], hex[20..<32]].map { String($0) }.joined(separator: "-")
    }
}
