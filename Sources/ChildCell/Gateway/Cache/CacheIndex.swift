import CloudModel

/// What is known of an image before its first byte is here.
struct ImageFacts: Sendable, Hashable {
    var size: Int64
    /// 128 hex digits.
    var sha512: String
}

/// Which images lie on the disk and which must go for the next one. A pure value: it holds no file, and no clock.
///
/// What is promised to transfers under way counts like what is there, so that the limit holds at every moment.
struct CacheIndex: Sendable {
    struct Entry: Sendable, Hashable {
        var facts: ImageFacts
        var lastUse: Timestamp
    }

    /// Bytes of all images together.
    let limit: Int64
    private(set) var kept: [ImageID: Entry] = [:]
    private var promised: [ImageID: Int64] = [:]

    init(limit: Int64) { self.limit = limit }

    /// Of whole images.
    var keptBytes: Int64 { kept.values.reduce(0) { $0 + $1.facts.size } }
    private var bytes: Int64 { promised.values.reduce(keptBytes, +) }

    /// An image that somebody wants now; nil: it isn't here.
    mutating func use(_ image: ImageID, at now: Timestamp) -> ImageFacts? {
        kept[image]?.lastUse = now
        return kept[image]?.facts
    }

    /// Promises room to a transfer. Returns the images that must be removed for it, which are forgotten by that; nil, and nothing is
    /// forgotten: it can't fit beside what else is on its way.
    mutating func promise(_ size: Int64, to image: ImageID) -> [(image: ImageID, facts: ImageFacts)]? {
        guard size > 0, size <= limit - promised.values.reduce(0, +) else { return nil }
        promised[image] = size
        var evicted: [(ImageID, ImageFacts)] = []
        while bytes > limit, let next = evictLeastRecentlyUsed() { evicted.append(next) }
        return evicted
    }

    /// Forgets the image that was used longest ago; nil: there is none.
    mutating func evictLeastRecentlyUsed() -> (image: ImageID, facts: ImageFacts)? {
        guard let oldest = kept.min(by: { ($0.value.lastUse, "\($0.key)") < ($1.value.lastUse, "\($1.key)") }) else {
            return nil
        }
        kept[oldest.key] = nil
        return (oldest.key, oldest.value.facts)
    }

    /// A transfer has become a whole image; or it was found at the start.
    mutating func keep(_ image: ImageID, _ facts: ImageFacts, lastUse: Timestamp) {
        promised[image] = nil
        kept[image] = Entry(facts: facts, lastUse: lastUse)
    }

    /// A transfer has ended without an image, or an image's file is not there any more.
    mutating func forget(_ image: ImageID) {
        promised[image] = nil
        kept[image] = nil
    }
}
