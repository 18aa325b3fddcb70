import COpenSSL
package import CloudModel

/// An X.509 certificate with which a user logs in to a Windows guest (WinRM): what a key pair of type `x509` holds.
package struct UserCertificate: Sendable {
    /// `-----BEGIN CERTIFICATE-----`
    package let pem: String
    /// SHA-1 of the certificate in DER, 20 bytes with colons between: what OpenSSL and Windows show. It protects nothing.
    package let fingerprint: String

    /// Ten years, as in Nova: a certificate can't be renewed inside a guest, only replaced.
    private static let lifetimeSeconds = 10 * 365 * 24 * 3_600
    /// The shortest that nobody objects to; each further bit costs key generation more than it gives.
    private static let keyBits: Int32 = 2_048
    /// Microsoft's user principal name, which Windows maps to an account.
    private static let principalName = "1.3.6.1.4.1.311.20.2.3"

    /// Reads a certificate somebody brought. Nil when it isn't one.
    package init?(pem: String) {
        guard let input = BIO_new_mem_buf(pem, Int32(clamping: pem.utf8.count)) else { return nil }
        defer { BIO_free(input) }
        guard let certificate = PEM_read_bio_X509(input, nil, nil, nil) else { return nil }
        defer { X509_free(certificate) }
        guard let fingerprint = Self.fingerprint(of: certificate) else { return nil }
        self.pem = pem
        self.fingerprint = fingerprint
    }

    private init(_ certificate: OpaquePointer) throws(OpenSSLError) {
        pem = try Self.text { PEM_write_bio_X509($0, certificate) }
        guard let fingerprint = Self.fingerprint(of: certificate) else { throw OpenSSLError("X509_digest") }
        self.fingerprint = fingerprint
    }

    /// A new certificate that signs itself, and its private key (PKCS#8, not encrypted), which is kept nowhere.
    package static func generated(for user: UserID) throws(OpenSSLError) -> (certificate: UserCertificate, privateKey: String) {
        let key = try generatedKey()
        defer { EVP_PKEY_free(key) }
        guard let certificate = X509_new() else { throw OpenSSLError("X509_new") }
        defer { X509_free(certificate) }
        var serial: UInt64 = 0
        // One bit short of 64: a serial number is positive (RFC 5280, 4.1.2.2).
        for byte in SecureRandom.bytes(8) { serial = serial << 8 | UInt64(byte) }
        let name = X509_get_subject_name(certificate)
        guard X509_set_version(certificate, 2) == 1,  // counts from 0: version 3
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1,
            X509_gmtime_adj(X509_getm_notBefore(certificate), 0) != nil,
            X509_gmtime_adj(X509_getm_notAfter(certificate), lifetimeSeconds) != nil,
            X509_set_pubkey(certificate, key) == 1,
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, user.rawValue, -1, -1, 0) == 1,
            X509_set_issuer_name(certificate, name) == 1
        else { throw OpenSSLError("X509_set") }
        try add(NID_ext_key_usage, "clientAuth", to: certificate)
        // The value is a little language, with commas between names.
        let word = user.rawValue.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        try add(NID_subject_alt_name, "otherName:\(principalName);UTF8:\(word)@localhost", to: certificate)
        guard X509_sign(certificate, key, EVP_sha256()) > 0 else { throw OpenSSLError("X509_sign") }
        return (try UserCertificate(certificate), try text { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) })
    }

    private static func generatedKey() throws(OpenSSLError) -> OpaquePointer {
        let context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_rsa_keygen_bits(context, keyBits) == 1,
            EVP_PKEY_generate(context, &key) == 1, let key
        else { throw OpenSSLError("EVP_PKEY_generate") }
        return key
    }

    private static func add(_ kind: Int32, _ value: String, to certificate: OpaquePointer) throws(OpenSSLError) {
        guard let piece = X509V3_EXT_conf_nid(nil, nil, kind, value) else { throw OpenSSLError("X509V3_EXT_conf_nid") }
        defer { X509_EXTENSION_free(piece) }
        guard X509_add_ext(certificate, piece, -1) == 1 else { throw OpenSSLError("X509_add_ext") }
    }

    private static func fingerprint(of certificate: OpaquePointer) -> String? {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard X509_digest(certificate, EVP_sha1(), &digest, &count) == 1 else { return nil }
        return digest.prefix(Int(count)).map { [$0].hex }.joined(separator: ":")
    }

    /// What `write` writes into memory.
    private static func text(_ write: (OpaquePointer) -> Int32) throws(OpenSSLError) -> String {
        guard let output = BIO_new(BIO_s_mem()) else { throw OpenSSLError("BIO_new") }
        defer { BIO_free(output) }
        guard write(output) == 1 else { throw OpenSSLError("PEM_write_bio") }
        var bytes = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(output)))
        guard BIO_read(output, &bytes, Int32(clamping: bytes.count)) == bytes.count else { throw OpenSSLError("BIO_read") }
        return String(decoding: bytes, as: UTF8.self)
    }
}
