internal import Foundation

/// glibc gives threads up to eight heaps per processor, each of which keeps what it once needed. The threads of these programs allocate
/// little beside each other (small pieces come from caches of their own), so one heap per processor serves as well, in half the memory.
enum Heaps {
    /// One alone would make every thread wait for every other.
    private static let fewest = 2
    /// M_ARENA_MAX of mallopt(3), whose header Swift's Glibc module lacks.
    private static let mostArenas: Int32 = -8

    /// Call before there are many threads. Does nothing where the C library is another.
    static func limit() {
        guard let symbol = dlsym(nil, "mallopt") else { return }
        let mallopt = unsafeBitCast(symbol, to: (@convention(c) (Int32, Int32) -> Int32).self)
        _ = mallopt(mostArenas, Int32(max(fewest, ProcessInfo.processInfo.activeProcessorCount)))
    }
}
