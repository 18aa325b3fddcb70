import CloudModel
import Foundation
import Logging
import Observability

/// The images of a region on its control host's disk, and the transfers that bring new ones: one at a time per image.
actor RegionCache {
    /// What there is of an image for a request.
    enum Finding: Sendable {
        case whole(StoredImage)
        /// Somebody else's transfer to follow.
        case arriving(Transfer)
        /// A transfer that the finder must now fill, and end in every case.
        case absent(Transfer)
        /// Nothing, and the finder has used its leave to ask Glance.
        case nothing
    }

    /// Different images at once. More would share the same WAN, and each waits for the others; what comes beyond is sent past the cache.
    private static let transfersAtOnce = 16

    private let files: CacheFiles
    private var index: CacheIndex
    private var transfers: [ImageID: Transfer] = [:]
    private var parts = 0
    private var verification: (image: ImageID, task: Task<Void, Never>)?
    private let log: Logger
    private let bytesKept = MetricsRegistry.shared.gauge("meridian_gateway_cache_bytes")
    private let imagesKept = MetricsRegistry.shared.gauge("meridian_gateway_cache_images")

    /// Finds what an earlier process kept, and removes what it left half done. Throws `ProgramError` where the directory can't be used.
    ///
    /// - Parameter limit: bytes of all images together.
    init(directory: String, limit: Int64, logger: Logger) throws {
        var index = CacheIndex(limit: limit)
        do {
            files = try CacheFiles(directory: directory)
            for (image, entry) in try files.whole() { index.keep(image, entry.facts, lastUse: entry.lastUse) }
        } catch {
            throw ProgramError.configuration(
                "The folder of cached images \(directory) can't be used: \(error.localizedDescription)")
        }
        // The limit may be lower than it was.
        while index.keptBytes > limit, let (image, facts) = index.evictLeastRecentlyUsed() { files.remove(image, facts) }
        self.index = index
        log = logger
        bytesKept.set(Int(index.keptBytes))
        imagesKept.set(index.kept.count)
    }

    /// Throws as `stored` does.
    ///
    /// - Parameter mayAsk: whether the finder can ask Glance for itself.
    func find(_ image: ImageID, mayAsk: Bool) throws(CloudError) -> Finding {
        if let stored = try stored(image) { return .whole(stored) }
        if let transfer = transfers[image] { return .arriving(transfer) }
        guard mayAsk else { return .nothing }
        let transfer = Transfer(of: image)
        transfers[image] = transfer
        return .absent(transfer)
    }

    /// A whole image, open; nil: it isn't here. Throws `unavailable` where its file can't be opened now, for want of descriptors for
    /// instance: it is kept.
    func stored(_ image: ImageID) throws(CloudError) -> StoredImage? {
        guard let facts = index.use(image, at: .now()) else { return nil }
        do throws(FileFailure) {
            let stored = try StoredImage(reading: files.path(of: image, facts), facts)
            if stored.length == facts.size {
                files.touch(image, facts)
                return stored
            }
        } catch {
            guard !error.isPassing else {
                throw CloudError(.unavailable, "The cached image can't be opened now.", cause: error)
            }
        }
        log.warning("image file lost", metadata: [.image: "\(image)"])
        remove(image, facts)
        return nil
    }

    /// Reads a whole image's file and removes it if its bytes have changed: then it isn't here. One at a time, since it costs a core and
    /// the disk; who wants the same image waits for the one that runs, which goes on when they hang up.
    ///
    /// Throws `unavailable` while another image is being verified.
    func verify(_ image: ImageID) async throws(CloudError) {
        guard let facts = index.kept[image]?.facts else { return }
        if verification == nil { verification = (image, Task { await removeIfDamaged(image, facts) }) }
        guard let verification, verification.image == image else {
            throw CloudError(.unavailable, "Another image is being verified.", retryAfter: 5)
        }
        await verification.task.value
    }

    private func removeIfDamaged(_ image: ImageID, _ facts: ImageFacts) async {
        let isSound: Bool
        do {
            isSound = try await StoredImage(reading: files.path(of: image, facts), facts).isSound()
        } catch {
            log.warning("image file can't be read", metadata: [.image: "\(image)", .error: "\(error)"])
            isSound = false
        }
        verification = nil
        guard !isSound, index.kept[image]?.facts == facts else { return }
        log.warning("image file damaged", metadata: [.image: "\(image)"])
        remove(image, facts)
    }

    /// Makes room for what Glance sends; nil: it can't be kept.
    func begin(_ transfer: Transfer, _ facts: ImageFacts) async -> IncomingFile? {
        guard transfers.count <= Self.transfersAtOnce, let evicted = index.promise(facts.size, to: transfer.image) else {
            return nil
        }
        for (image, facts) in evicted { evict(image, facts) }
        parts += 1
        let path = files.partPath(of: transfer.image, parts)
        while true {
            do {
                let file = try await IncomingFile.create(at: path, facts)
                transfer.change(to: .arriving(file.stored, received: 0))
                return file
            } catch let failure as FileFailure where failure.isFull {
                // Others use the disk too. What the cache has is worth less than what is asked for now, if it helps.
                guard files.freeBytes + index.keptBytes >= facts.size, let oldest = index.evictLeastRecentlyUsed() else {
                    log.warning("image not kept", metadata: [.image: "\(transfer.image)", .error: "\(failure)"])
                    return nil
                }
                evict(oldest.image, oldest.facts)
            } catch {
                log.warning("image not kept", metadata: [.image: "\(transfer.image)", .error: "\(error)"])
                return nil
            }
        }
    }

    /// Makes a whole image of a transfer. Throws what is wrong with it; the transfer has not ended then.
    func keep(_ transfer: Transfer, _ file: IncomingFile) async throws {
        let (image, facts) = (transfer.image, file.stored.facts)
        try await file.finish(as: files.path(of: image, facts))
        index.keep(image, facts, lastUse: .now())
        transfers[image] = nil
        transfer.change(to: .whole(file.stored))
        measure()
        log.info("image kept", metadata: [.image: "\(image)", .size: "\(facts.size)"])
    }

    /// Ends a transfer without an image.
    func end(_ transfer: Transfer, _ ending: TransferProgress.Ending) {
        index.forget(transfer.image)
        transfers[transfer.image] = nil
        transfer.change(to: .ended(ending))
    }

    /// For the operator: how much there is.
    var summary: String {
        "\(index.kept.count) images, \(index.keptBytes) of \(index.limit) bytes; \(transfers.count) transfers"
    }

    /// Of a kept image whose file is of no use.
    private func remove(_ image: ImageID, _ facts: ImageFacts) {
        files.remove(image, facts)
        index.forget(image)
        measure()
    }

    private func evict(_ image: ImageID, _ facts: ImageFacts) {
        files.remove(image, facts)
        measure()
        log.info("image evicted", metadata: [.image: "\(image)", .size: "\(facts.size)"])
    }

    private func measure() {
        bytesKept.set(Int(index.keptBytes))
        imagesKept.set(index.kept.count)
    }
}
