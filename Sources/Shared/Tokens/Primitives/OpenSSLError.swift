internal import COpenSSL

/// A call into libcrypto that failed. Named after the call; the text is OpenSSL's own error queue, for the log.
package struct OpenSSLError: Error, CustomStringConvertible {
    package let call: String
    package let reason: String

    /// Empties this thread's error queue.
    init(_ call: String) {
        self.call = call
        var reasons: [String] = []
        while case let code = ERR_get_error(), code != 0 {
            var text = [CChar](repeating: 0, count: 256)
            ERR_error_string_n(code, &text, text.count)
            reasons.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        reason = reasons.joined(separator: "; ")
    }

    package var description: String { "\(call) failed\(reason.isEmpty ? "" : ": \(reason)")" }
}
