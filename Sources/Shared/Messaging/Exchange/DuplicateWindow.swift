/// The last messages of one peer, so that a copy is recognised and a copied call gets its first answer again instead of running
/// twice. Bounded by `capacity` messages; answers are kept only while the caller may still wait.
struct DuplicateWindow {
    /// What is known of an id.
    enum Verdict: Equatable {
        case new
        /// Being handled now, a cast, or a call whose caller has given up: nothing to do.
        case taken
        /// The bytes that were sent then.
        case answered([UInt8])
    }

    private enum Entry {
        case taken
        case answered([UInt8])
    }

    /// Answers larger than this are not kept: a copy of their call is ignored, and its caller has the first answer or runs out of time.
    private static let largestAnswer = 4 << 10

    private let capacity: Int
    private var entries: [UInt64: Entry] = [:]
    /// Ids in the order they came; a ring once it is full.
    private var order: [UInt64] = []
    private var oldest = 0
    /// Answered calls by when their callers give up, oldest answer first.
    private var answers: [(id: UInt64, expires: BootInstant)] = []

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    /// Looks an id up, and remembers it if it is new.
    mutating func admit(_ id: UInt64) -> Verdict {
        switch entries[id] {
        case .taken?: return .taken
        case .answered(let bytes)?: return .answered(bytes)
        case nil: break
        }
        if order.count < capacity {
            order.append(id)
        } else {
            entries[order[oldest]] = nil
            order[oldest] = id
            oldest = (oldest + 1) % capacity
        }
        entries[id] = .taken
        return .new
    }

    mutating func answered(_ id: UInt64, with bytes: [UInt8], expires: BootInstant) {
        guard bytes.count <= Self.largestAnswer, entries[id] != nil else { return }
        if answers.count >= 2 * capacity { answers.removeAll { entries[$0.id] == nil } }
        entries[id] = .answered(bytes)
        answers.append((id, expires))
    }

    /// Drops the answers nobody waits for. Called about once a heartbeat.
    mutating func forgetAnswers(at now: BootInstant) {
        answers.removeAll { answer in
            if answer.expires > now, entries[answer.id] != nil { return false }
            if entries[answer.id] != nil { entries[answer.id] = .taken }
            return true
        }
    }
}
