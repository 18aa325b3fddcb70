import APIConventions
import CloudModel

/// The microversions of the compute API that are served: 2.1 to 2.37.
///
/// 2.37 is where `networks` became mandatory, with `none` and `auto`. What came later is not served, so no answer ever carries it
/// (the embedded flavor of 2.47, …).
enum ServedVersions {
    static let first = Microversion(2, 1)
    static let last = Microversion(2, 37)
}

/// What the two headers ask for.
enum MicroversionRequest: Hashable, Sendable {
    case version(Microversion)
    /// Well formed, but not served.
    case outOfRange(Microversion)
    case malformed(String)

    /// `OpenStack-API-Version: compute 2.37` wins over `X-OpenStack-Nova-API-Version: 2.37`; neither means 2.1.
    init(standard: String?, legacy: String?) {
        if let standard {
            for part in standard.split(separator: ",") {
                let words = part.split(separator: " ", omittingEmptySubsequences: true)
                guard words.count == 2, words[0].lowercased() == "compute" else { continue }
                self.init(text: words[1])
                return
            }
        }
        if let legacy {
            self.init(text: legacy.drop(while: \.isWhitespace).prefix { !$0.isWhitespace })
        } else {
            self = .version(ServedVersions.first)
        }
    }

    private init(text: Substring) {
        if text == "latest" {
            self = .version(ServedVersions.last)
        } else if let version = try? Microversion(parsing: text) {
            let isServed = ServedVersions.first <= version && version <= ServedVersions.last
            self = isServed ? .version(version) : .outOfRange(version)
        } else {
            self = .malformed(String(text.prefix(40)))
        }
    }

    /// The version to answer in. Throws Nova's 400 or 406.
    func negotiated() throws(CloudError) -> Microversion {
        switch self {
        case .version(let version): return version
        case .outOfRange(let version):
            throw CloudError(
                .notAcceptable,
                "Version \(version) is not supported by the API. Minimum is \(ServedVersions.first) and maximum is \(ServedVersions.last)."
            )
        case .malformed(let text):
            throw CloudError(
                .badRequest, "API Version String \(text) is of invalid format. Must be of format MajorNum.MinorNum.")
        }
    }
}
