import CellProtocol
import CloudModel
import Logging
import Observability

/// Fetches the images that the cell wants here before anybody boots from them, one after another. What fails is tried again after a
/// pause that grows; what dies with the process the conductor asks for again.
actor ImagesAhead {
    private let images: any BaseImages
    private let log: Logger
    /// Waiting or under way.
    private var wanted: Set<ImageID> = []
    /// Images that could not be fetched.
    private var failed: [ImageID: Failed] = [:]

    private struct Failed {
        var attempts = 0
        var notBefore = ContinuousClock.now
        /// Why; told once.
        var untold: CloudError?
    }
    private let queue: AsyncStream<ImageReference>
    private let entrance: AsyncStream<ImageReference>.Continuation

    /// After the first failure, doubled with each further one up to the second. A transfer that breaks costs all that it brought: shorter
    /// pauses fill the line of a region with the same bytes, longer ones leave its first boots without the image.
    private static let pauses = (first: Duration.seconds(2), longest: Duration.seconds(600))

    /// More are refused until some are here. The conductor wants one at a time.
    private static let mostWanted = 16

    init(_ images: any BaseImages, log: Logger) {
        self.images = images
        self.log = log
        // Bounded by `mostWanted`.
        (queue, entrance) = AsyncStream.makeStream()
    }

    /// Whether it is here; otherwise it is fetched. Throws what the last attempt failed with, once, and `unavailable` where too many are
    /// wanted.
    func want(_ image: ImageReference, at now: ContinuousClock.Instant = .now) async throws(CloudError) -> Bool {
        if await images.has(image) { return true }
        guard !wanted.contains(image.id) else { return false }
        if let failure = failed[image.id]?.untold {
            failed[image.id]?.untold = nil
            throw failure
        }
        if let failed = failed[image.id], now < failed.notBefore { return false }
        guard wanted.count < Self.mostWanted else {
            throw CloudError(.unavailable, "The host has \(Self.mostWanted) images to fetch already.", retryAfter: 5)
        }
        wanted.insert(image.id)
        entrance.yield(image)
        return false
    }

    /// Fetches until the task is cancelled.
    func run() async {
        for await image in queue {
            do {
                let (_, note) = try await images.image(image, for: .warmUp)
                failed[image.id] = nil
                log.info("image warmed", metadata: [.image: "\(image.id)", .reason: "\(note)"])
            } catch {
                log.warning("image not warmed", metadata: [.image: "\(image.id)", .error: "\(error)"])
                note(error as? CloudError ?? CloudError(.internalError, "The image can't be fetched.", cause: error), image.id)
            }
            wanted.remove(image.id)
        }
    }
    private func note(_ error: CloudError, _ image: ImageID) {
        var failed = self.failed[image] ?? Failed()
        let pause = min(Self.pauses.first * (1 << min(failed.attempts, 9)), Self.pauses.longest)
        failed.attempts += 1
        (failed.notBefore, failed.untold) = (.now + pause, error)
        self.failed[image] = failed
    }
}
