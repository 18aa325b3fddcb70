internal import Foundation

/// glibc gives threads up to eight heaps per processor, each of which keeps what it once needed. The threads of these programs allocate
/// little beside each other (small pieces come from caches of their own), so one heap per processor serves as well, in half the memory.
///
/// It also learns from a large block that was given back to take the next such block from a heap, which then keeps it: the 16 MiB of one
/// scrypt would stay for ever. Told a limit, it doesn't learn, and large blocks go back to the system.
enum Heaps {
    /// One alone would make every thread wait for every other.
    private static let fewest = 2
    /// Bytes from which a block is the system's, and of free memory at a heap's end that go back to it. Lower and pieces of images would be
    /// fetched from the system each time; higher and passwords leave their work's memory behind.
    private static let large: Int32 = 4 << 20

    // Of mallopt(3), whose header Swift's Glibc module lacks.
    private static let trimThreshold: Int32 = -1
    private static let mmapThreshold: Int32 = -3
    private static let mostArenas: Int32 = -8

    /// Call before there are many threads. Does nothing where the C library is another.
    static func limit() {
        guard let symbol = dlsym(nil, "mallopt") else { return }
        let mallopt = unsafeBitCast(symbol, to: (@convention(c) (Int32, Int32) -> Int32).self)
        _ = mallopt(mostArenas, Int32(max(fewest, ProcessInfo.processInfo.activeProcessorCount)))
        _ = mallopt(mmapThreshold, large)
        _ = mallopt(trimThreshold, large)
    }
}
