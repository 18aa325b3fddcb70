import CellProtocol
import CloudModel
import Hypervisors
import Logging
import Testing

@testable import ComputeAgent

/// What a host does with images that nobody waits for.
@Suite(.timeLimit(.minutes(1))) struct ImagesAheadTests {
    private let image = ImageReference(id: .random(), name: "i", diskFormat: "raw", size: 1, sha512: "00")

    /// Fetches when it is told to.
    private final class Images: BaseImages {
        private struct State {
            var here: Set<ImageID> = []
            var asked: [ImageID] = []
        }
        private let state = Lock(State())
        private let answers: AsyncStream<CloudError?>
        private let answer: AsyncStream<CloudError?>.Continuation

        init() { (answers, answer) = AsyncStream.makeStream() }

        var asked: [ImageID] { state.withLock { $0.asked } }
        /// Ends one transfer: well if nil.
        func end(_ error: CloudError?) { answer.yield(error) }

        func image(
            _ image: ImageReference, for purpose: ImagePurpose
        ) async throws -> (base: GuestPlan.BaseImage?, note: String) {
            state.withLock { $0.asked.append(image.id) }
            for await error in answers {
                if let error { throw error }
                state.withLock { _ = $0.here.insert(image.id) }
                return (nil, "fetched")
            }
            throw CancellationError()
        }
        func has(_ image: ImageReference) -> Bool { state.withLock { $0.here.contains(image.id) } }
        func cached() -> [String] { [] }
    }

    private func withImages(_ body: (ImagesAhead, Images) async throws -> Void) async throws {
        let images = Images()
        let ahead = ImagesAhead(images, log: .silent)
        let running = Task { await ahead.run() }
        defer { running.cancel() }
        try await body(ahead, images)
    }

    private func waitUntil(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }

    @Test func anImageIsFetchedOnceHoweverOftenItIsWanted() async throws {
        try await withImages { ahead, images async throws in
            #expect(try await !ahead.want(image))
            #expect(try await !ahead.want(image))
            try await waitUntil { !images.asked.isEmpty }
            #expect(try await !ahead.want(image))
            images.end(nil)
            try await waitUntil { try await ahead.want(image) }
            #expect(images.asked == [image.id])
        }
    }

    @Test func whyItFailedIsToldOnceAndAfterAPauseItIsTriedAgain() async throws {
        try await withImages { ahead, images async throws in
            #expect(try await !ahead.want(image))
            images.end(CloudError(.tooLarge, "Too large for this host."))
            var told: CloudError?
            try await waitUntil {
                do throws(CloudError) { _ = try await ahead.want(image) } catch { told = error }
                return told != nil
            }
            #expect(told?.code == .tooLarge)
            #expect(try await !ahead.want(image), "not at once")
            #expect(images.asked.count == 1)
            #expect(try await !ahead.want(image, at: .now + .seconds(31)))
            images.end(nil)
            try await waitUntil { try await ahead.want(image) }
        }
    }

    @Test func aHostTakesSoManyAndNoMore() async throws {
        try await withImages { ahead, _ async throws in
            for _ in 0..<16 {
                #expect(try await !ahead.want(.init(id: .random(), name: "", diskFormat: "raw", size: 1, sha512: "00")))
            }
            let error = await #expect(throws: CloudError.self) { _ = try await ahead.want(image) }
            #expect(error?.code == .unavailable)
        }
    }
}
