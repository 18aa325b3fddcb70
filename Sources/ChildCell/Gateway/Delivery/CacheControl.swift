/// What a host asks of the cache beside the image (RFC 9111, 5.2.1).
enum CacheControl {
    /// Whether what is kept must be verified before it is sent: what came of it before was wrong.
    ///
    /// - Parameter header: all of `Cache-Control`; nil: there is none.
    static func isNoCache(_ header: String?) -> Bool {
        guard let header else { return false }
        return header.split(separator: ",").contains { directive in
            directive.filter { $0 != " " && $0 != "\t" }.lowercased() == "no-cache"
        }
    }
}
