import CloudModel

/// The body of an error: length (1 byte) and text of the code, then the sentence. A code that this release doesn't know is read as
/// `internalError`, with its sentence kept.
enum Refusal {
    /// Not a `CloudError.Code`: the peer's queues are full.
    private static let overloadedCode = "overloaded"
    /// A sentence longer than this is cut; it is for people.
    private static let longestMessage = 4_096

    static func encode(_ error: MessagingError) -> [UInt8] {
        let code: String
        let message: String
        switch error {
        case .overloaded:
            (code, message) = (overloadedCode, "")
        case .refused(let refusal, let sentence):
            (code, message) = (refusal.rawValue, sentence)
        case .timeout, .unreachable, .tooLarge:
            (code, message) = (error.cloudError.code.rawValue, error.cloudError.message)
        }
        var bytes = [UInt8(code.utf8.count)]
        bytes.append(contentsOf: code.utf8)
        bytes.append(contentsOf: message.utf8.prefix(longestMessage))
        return bytes
    }

    static func decode(_ bytes: [UInt8]) throws(MalformedMessage) -> MessagingError {
        guard let length = bytes.first.map(Int.init), bytes.count > length else {
            throw MalformedMessage("an error cut off in its code")
        }
        let code = String(decoding: bytes[1..<(length + 1)], as: UTF8.self)
        let message = String(decoding: bytes[(length + 1)...], as: UTF8.self)
        if code == overloadedCode { return .overloaded }
        return .refused(CloudError.Code(rawValue: code) ?? .internalError, message)
    }
}
