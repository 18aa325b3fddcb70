import CellProtocol
import CloudModel
import Logging
import Observability

/// Fetches the images that the cell wants here before anybody boots from them, one after another. A build that needs one of them meanwhile
/// waits for its transfer, or takes it over where it breaks.
///
/// Nothing is remembered: what fails, or dies with the process, the conductor asks for again.
actor ImagesAhead {
    private let images: any BaseImages
    private let log: Logger
    /// Waiting or under way.
    private var wanted: Set<ImageID> = []
    /// Why the last attempt failed; told once.
    private var failures: [ImageID: CloudError] = [:]
    private let queue: AsyncStream<ImageReference>
    private let entrance: AsyncStream<ImageReference>.Continuation

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
    func want(_ image: ImageReference) async throws(CloudError) -> Bool {
        if await images.has(image) { return true }
        guard !wanted.contains(image.id) else { return false }
        if let failure = failures.removeValue(forKey: image.id) { throw failure }
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
                failures[image.id] = nil
                log.info("image warmed", metadata: [.image: "\(image.id)", .reason: "\(note)"])
            } catch {
                log.warning("image not warmed", metadata: [.image: "\(image.id)", .error: "\(error)"])
                let known = error as? CloudError
                failures[image.id] = known ?? CloudError(.internalError, "The image can't be fetched.", cause: error)
            }
            wanted.remove(image.id)
        }
    }
}
