import CloudModel

/// A guest's host name, from its server's name.
enum Hostname {
    /// As Nova reduces a name to RFC 1123: blanks and underscores become dashes, what else isn't allowed is left out, 63 at most.
    /// When nothing is left, the server's id stands in.
    static func from(_ name: String, otherwise id: ServerID) -> String {
        var text = ""
        for character in name.lowercased() {
            switch character {
            case "a"..."z", "0"..."9", "-", ".": text.append(character)
            case " ", "_": text.append("-")
            default: break
            }
        }
        var trimmed = text.prefix(63)
        while let first = trimmed.first, first == "-" || first == "." { trimmed = trimmed.dropFirst() }
        while let last = trimmed.last, last == "-" || last == "." { trimmed = trimmed.dropLast() }
        return trimmed.isEmpty ? "server-\(id)" : String(trimmed)
    }
}

/// Names all servers of one request together: `r-` and eight characters, as Nova writes them.
enum Reservation {
    static func random() -> String { "r-" + RandomText.of(8, from: "abcdefghijklmnopqrstuvwxyz0123456789") }
}

/// What `adminPass` shows when the client gave none. Nothing keeps it and nothing sets it in the guest: clients want the member.
enum AdminPassword {
    static func generate() -> String { RandomText.of(12, from: "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz") }
}

enum RandomText {
    static func of(_ length: Int, from alphabet: String) -> String {
        let alphabet = Array(alphabet)
        // The system's generator is a cryptographic one.
        var generator = SystemRandomNumberGenerator()
        return String((0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] })
    }
}
