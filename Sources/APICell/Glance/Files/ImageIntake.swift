import CloudModel
import Foundation
import NIOCore
import Tokens

/// What is known of data once all of it is there.
struct ReceivedData: Sendable, Equatable {
    /// Bytes.
    var size: Int64
    /// Hex.
    var md5: String
    /// Hex.
    var sha512: String
}

/// Takes an image's data in: three threads write, hash with SHA-512 and hash with MD5 the same segments side by side, while the
/// caller goes on receiving. At most `segmentsHeld` segments are in memory; the caller waits for the slowest of the three.
///
/// Every intake must end with `finish` or `abort`; both wait until the threads are gone.
final class ImageIntake: @unchecked Sendable {
    /// Bytes handed over at once. Smaller costs wake-ups, larger costs memory: an upload holds up to `segmentsHeld` of them.
    static let segmentSize = 1 << 20
    static let segmentsHeld = 8

    private let file: PartFile
    private let state = NSCondition()
    // All of these are guarded by `state`.
    private var segments: [[ByteBuffer]] = []
    private var firstSegment = 0
    private var taken: [Int]
    private var isClosed = false
    private var failure: (any Error)?
    private var threadsAlive: Int
    private var waiter: Waiter?
    private var size: Int64 = 0
    private var md5 = ""
    private var sha512 = ""

    init(into file: PartFile) {
        self.file = file
        taken = [0, 0, 0]
        threadsAlive = 3
        start("image-write", 0) { intake in
            try intake.eachSegment(0) { try intake.file.append($0) }
            try intake.file.sync()
        }
        start("image-sha512", 1) { intake in
            let digest = SHA512Digest()
            try intake.eachSegment(1) { buffers in
                for buffer in buffers { buffer.withUnsafeReadableBytes { digest.update($0) } }
            }
            let hex = digest.finalize()
            intake.locked { intake.sha512 = hex }
        }
        start("image-md5", 2) { intake in
            let digest = MD5Digest()
            try intake.eachSegment(2) { buffers in
                for buffer in buffers { buffer.withUnsafeReadableBytes { digest.update($0) } }
            }
            let hex = digest.finalize()
            intake.locked { intake.md5 = hex }
        }
    }

    /// Hands a segment over; waits while too many are held. Throws what a thread failed with.
    func take(_ segment: [ByteBuffer]) async throws {
        let bytes = segment.reduce(0) { $0 + Int64($1.readableBytes) }
        locked {
            guard failure == nil else { return }
            segments.append(segment)
            size += bytes
        }
        await wait { self.failure != nil || self.segments.count < Self.segmentsHeld }
        if let failure = locked({ self.failure }) { throw failure }
    }

    /// All of it was handed over: waits until it is written, durable and hashed.
    func finish() async throws -> ReceivedData {
        locked { isClosed = true }
        await wait { self.threadsAlive == 0 }
        return try locked {
            if let failure { throw failure }
            return ReceivedData(size: size, md5: md5, sha512: sha512)
        }
    }

    /// Gives up; waits until no thread touches the file any more.
    func abort() async {
        locked { failure = failure ?? CancellationError() }
        await wait { self.threadsAlive == 0 }
    }

    // MARK: - The threads

    private func start(_ name: String, _ place: Int, _ body: @escaping @Sendable (ImageIntake) throws -> Void) {
        let thread = Thread { [self] in
            do {
                try body(self)
            } catch {
                locked { failure = failure ?? error }
            }
            locked { threadsAlive -= 1 }
        }
        thread.name = name
        thread.start()
    }

    /// Runs on a thread: each segment in order, until closed or failed.
    private func eachSegment(_ place: Int, _ body: ([ByteBuffer]) throws -> Void) throws {
        while let segment = try nextSegment(place) {
            try body(segment)
            locked {
                taken[place] += 1
                let done = (taken.min() ?? firstSegment) - firstSegment
                if done > 0 {
                    segments.removeFirst(done)
                    firstSegment += done
                }
            }
        }
    }

    private func nextSegment(_ place: Int) throws -> [ByteBuffer]? {
        state.lock()
        defer { state.unlock() }
        while failure == nil, !isClosed, taken[place] - firstSegment == segments.count { state.wait() }
        if let failure { throw failure }
        let index = taken[place] - firstSegment
        return index < segments.count ? segments[index] : nil
    }

    // MARK: - Waiting

    /// Changes the state and tells everyone who waits for it.
    private func locked<R>(_ body: () throws -> R) rethrows -> R {
        state.lock()
        defer {
            let woken = waiter.flatMap { $0.condition() ? $0.continuation : nil }
            if woken != nil { waiter = nil }
            state.broadcast()
            state.unlock()
            woken?.resume()
        }
        return try body()
    }

    /// Waits, without holding a thread, until the condition holds. One waiter at a time: the receiving task.
    private func wait(until condition: @escaping @Sendable () -> Bool) async {
        await withCheckedContinuation { continuation in
            state.lock()
            if condition() {
                state.unlock()
                continuation.resume()
            } else {
                waiter = Waiter(condition: condition, continuation: continuation)
                state.unlock()
            }
        }
    }

    private struct Waiter {
        var condition: @Sendable () -> Bool
        var continuation: CheckedContinuation<Void, Never>
    }
}
