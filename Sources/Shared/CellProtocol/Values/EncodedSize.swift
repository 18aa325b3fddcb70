import CloudModel

// How many bytes a value takes in a message at most, counted without encoding it: pages of an answer are cut by it.

extension ServerSpec {
    /// Names of members, numbers, identifiers and punctuation: under 900 bytes.
    private static let frame = 1_024

    package var bytesAtMost: Int {
        var bytes = Self.frame + name.encodedBytes + hostname.encodedBytes + project.rawValue.encodedBytes
        bytes += user.rawValue.encodedBytes + flavor.id.rawValue.encodedBytes + flavor.name.encodedBytes
        for text in [
            flavor.description, image?.name, image?.diskFormat, image?.sha512, zone?.rawValue, keyName, publicKey, userData,
        ] {
            bytes += text?.encodedBytes ?? 0
        }
        for texts in [metadata, hints, flavor.extraSpecs] {
            for (key, value) in texts { bytes += key.encodedBytes + value.encodedBytes + 6 }
        }
        return bytes
    }
}

extension WorkOrder {
    /// Its other members: under 400 bytes.
    package var bytesAtMost: Int { 512 + spec.bytesAtMost + (request?.rawValue.encodedBytes ?? 0) }
}

extension RecoverServers.Known {
    /// Its other members, and those of a report: under 900 bytes.
    package var bytesAtMost: Int {
        guard let report = lastReport else { return 1_024 + spec.bytesAtMost }
        var bytes = 1_024 + spec.bytesAtMost + report.instanceName.encodedBytes
        for text in [report.progress, report.host?.rawValue, report.zone?.rawValue, report.fault?.message, report.refused] {
            bytes += text?.encodedBytes ?? 0
        }
        return bytes
    }
}

extension String {
    /// Bytes as a JSON text without its quotes: what has to be escaped takes two or six.
    fileprivate var encodedBytes: Int {
        utf8.reduce(0) { $0 + ($1 < 0x20 ? 6 : $1 == UInt8(ascii: "\"") || $1 == UInt8(ascii: "\\") ? 2 : 1) }
    }
}
