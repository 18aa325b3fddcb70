/// Which of many waiting things is due next. Entries whose thing has ended stay until they come up or `compact` throws them out:
/// most calls are answered long before their deadline, and taking each out of the middle would cost more than keeping it.
struct DeadlineHeap<Key> {
    private var entries: [(due: BootInstant, key: Key)] = []

    var next: BootInstant? { entries.first?.due }
    var count: Int { entries.count }

    mutating func insert(_ key: Key, due: BootInstant) {
        entries.append((due, key))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].due < entries[parent].due else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out the first key that is due, if one is.
    mutating func popDue(at now: BootInstant) -> Key? {
        guard let first = entries.first, first.due <= now else { return nil }
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        siftDown(from: 0)
        return first.key
    }

    /// Throws out what has ended, once that is most of the heap. `live` says how many haven't.
    mutating func compact(live: Int, where isLive: (Key) -> Bool) {
        guard entries.count > 256, entries.count > 4 * live else { return }
        entries.removeAll { !isLive($0.key) }
        for index in stride(from: entries.count / 2 - 1, through: 0, by: -1) { siftDown(from: index) }
    }

    private mutating func siftDown(from start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count && entries[child].due < entries[least].due
            {
                least = child
            }
            if least == parent { return }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
