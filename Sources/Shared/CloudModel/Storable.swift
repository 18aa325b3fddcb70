extension String {
    /// The text without what a database can't store (NUL), and at most so many bytes of UTF-8, cut between characters. For texts of
    /// others that are kept for people to read: a sentence of an error that is too long is still better than none.
    package func storable(atMost bytes: Int) -> String {
        guard utf8.count > bytes || utf8.contains(0) else { return self }
        var kept = String.UnicodeScalarView()
        var left = bytes
        for scalar in unicodeScalars where scalar.value != 0 {
            left -= UTF8.width(scalar)
            guard left >= 0 else { break }
            kept.append(scalar)
        }
        return String(kept)
    }
}
