package import CellProtocol
import CloudModel
import Foundation
package import Hypervisors
package import Logging
import Observability
import Tokens

/// Base images on the host's disk, named by their SHA-512: what is there is whole and verified, because it got its name last.
///
/// One transfer at a time per image; other builds of the same image wait for it, and one of them takes over when it is broken off. Nobody
/// waits for a warm-up: a build fetches for itself, and the region's cache shares what comes.
/// The region's cache is asked first, where there is one, and Glance whenever that fails, in whatever way.
/// The least recently used images go when the cache is over its limit, but never one that a guest's disk lies on.
package actor ImageCache: BaseImages {
    package struct Limits: Sendable {
        /// Bytes of all images. Below the largest image nothing can be built; above, disk that guests could have.
        package var bytes: Int64 = 64 << 30
        /// One image. Larger ones are refused before a byte is fetched.
        package var imageBytes: Int64 = 32 << 30
        /// An image used so lately is kept: a build may be about to lay a disk on it.
        package var keptAfterUse = Duration.seconds(900)

        package init() {}
    }

    private let directory: String
    private let limits: Limits
    private let grants: any ImageGrants
    private let nearby: (any ImageSource)?
    private let source: any ImageSource
    private let inUse: @Sendable () async throws -> Set<String>
    private let log: Logger
    private var used: [String: ContinuousClock.Instant] = [:]
    private var fetching: Set<String> = []
    private var attempts = 0
    private var waiting: [String: [UUID: CheckedContinuation<Void, Never>]] = [:]

    /// - Parameters:
    ///   - source: Glance.
    ///   - nearby: the region's cache; nil: there is none.
    ///   - inUse: SHA-512 of the images that guests' disks lie on; nothing is evicted while it throws.
    package init(
        directory: String, limits: Limits = Limits(), grants: any ImageGrants, source: any ImageSource,
        nearby: (any ImageSource)? = nil, inUse: @escaping @Sendable () async throws -> Set<String>, logger: Logger
    ) throws {
        self.directory = directory
        self.limits = limits
        self.grants = grants
        self.source = source
        self.nearby = nearby
        self.inUse = inUse
        log = logger
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // Transfers of processes that are gone.
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
            guard let process = Self.process(ofPart: name), process == getpid() || kill(process, 0) != 0 else { continue }
            unlink("\(directory)/\(name)")
        }
    }

    package func image(
        _ image: ImageReference, for purpose: ImagePurpose
    ) async throws -> (base: GuestPlan.BaseImage?, note: String) {
        try check(image)
        let base = GuestPlan.BaseImage(path: path(image.sha512), format: image.diskFormat)
        var hasWaited = false
        while true {
            try Task.checkCancellation()
            if isWhole(image) {
                used[image.sha512] = .now
                return (base, hasWaited ? "cache miss: fetched for another server" : "cache hit")
            }
            guard fetching.contains(image.sha512) else { break }
            hasWaited = true
            await waitForTransfer(of: image.sha512)
        }
        guard case .build = purpose else { return (base, try await keep(image, for: purpose)) }
        fetching.insert(image.sha512)
        defer {
            fetching.remove(image.sha512)
            for waiting in waiting.removeValue(forKey: image.sha512)?.values ?? [:].values { waiting.resume() }
        }
        return (base, try await keep(image, for: purpose))
    }

    package func has(_ image: ImageReference) -> Bool { isWhole(image) }

    package func cached() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter(SHA512Digest.isText).sorted()
    }

    // MARK: -

    /// Fetches it and makes room for it. Returns how it was found, for the trace.
    private func keep(_ image: ImageReference, for purpose: ImagePurpose) async throws -> String {
        let origin = try await fetch(image, for: purpose)
        used[image.sha512] = .now
        await evict(sparing: image.sha512)
        return "cache miss: \(image.size) bytes from \(origin.rawValue)"
    }

    private func fetch(_ image: ImageReference, for purpose: ImagePurpose) async throws -> ImageOrigin {
        if let nearby {
            do {
                return try await fetchNearby(image, for: purpose, from: nearby)
            } catch {
                try Task.checkCancellation()
                log.warning("image not fetched from the region's cache", metadata: [.image: "\(image.id)", .error: "\(error)"])
            }
        }
        guard let origin = try await attempt(image, for: purpose, from: source) else { throw Self.wrongData }
        return origin
    }

    /// The region's cache may be slow, and damaged: it has its share of the time, and is told once of wrong data.
    private func fetchNearby(
        _ image: ImageReference, for purpose: ImagePurpose, from nearby: any ImageSource
    ) async throws -> ImageOrigin {
        let patience = NearbyPatience.limit(until: purpose.deadline, at: .now())
        return try await withThrowingTaskGroup(of: ImageOrigin.self) { group in
            group.addTask {
                if let origin = try await self.attempt(image, for: purpose, from: nearby) { return origin }
                self.log.warning("wrong data from the region's cache", metadata: [.image: "\(image.id)"])
                guard let origin = try await self.attempt(image, for: purpose, from: nearby, verifying: true) else {
                    throw Self.wrongData
                }
                return origin
            }
            group.addTask {
                try await Task.sleep(for: patience)
                throw CloudError(.timeout, "The region's cache takes too long.", detail: "given up after \(patience)")
            }
            defer { group.cancelAll() }
            guard let origin = try await group.next() else { throw CancellationError() }
            return origin
        }
    }

    /// One attempt, with a grant and a file of its own: the one before may have lasted as long as its grant, and still remove its file. nil:
    /// what came is not the image's data.
    private func attempt(
        _ image: ImageReference, for purpose: ImagePurpose, from source: any ImageSource, verifying: Bool = false
    ) async throws -> ImageOrigin? {
        attempts += 1
        let download = try ImageDownload(image, at: "\(path(image.sha512)).\(getpid()).\(attempts).part")
        let grant = try await grants.grant(image.id, for: purpose)
        let origin = try await source.fetch(grant, verifying: verifying) { piece in
            try Task.checkCancellation()
            try await download.take(piece)
        }
        guard try await download.keep(as: path(image.sha512)) else { return nil }
        MetricsRegistry.shared.counter("meridian_host_image_bytes_fetched_total").increment(by: Int(image.size))
        log.info("image fetched", metadata: [.image: "\(image.id)", .size: "\(image.size)", .from: "\(origin.rawValue)"])
        return origin
    }

    /// Returns when the transfer ended, well or not, or the task is cancelled.
    private func waitForTransfer(of checksum: String) async {
        let id = UUID()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume()
                } else {
                    waiting[checksum, default: [:]][id] = continuation
                }
            }
        } onCancel: {
            Task { await self.stopWaiting(for: checksum, id) }
        }
    }

    private func stopWaiting(for checksum: String, _ id: UUID) {
        waiting[checksum]?.removeValue(forKey: id)?.resume()
    }

    private func evict(sparing spared: String) async {
        var sizes: [String: Int64] = [:]
        for checksum in cached() { sizes[checksum] = size(path(checksum)) ?? 0 }
        var total = sizes.values.reduce(0, +)
        guard total > limits.bytes else { return }
        let needed: Set<String>
        do {
            needed = try await inUse()
        } catch {
            return log.warning(
                "the image cache is over its limit, and nothing is evicted while the guests can't be listed",
                metadata: [.size: "\(total)", .error: "\(error)"])
        }
        let now = ContinuousClock.now
        let candidates = sizes.keys.filter { checksum in
            checksum != spared && !needed.contains(checksum) && !fetching.contains(checksum)
                && (used[checksum].map { now - $0 > limits.keptAfterUse } ?? true)
        }
        for checksum in candidates.sorted(by: { lastUse($0) < lastUse($1) }) where total > limits.bytes {
            guard unlink(path(checksum)) == 0 else { continue }
            total -= sizes[checksum] ?? 0
            used[checksum] = nil
            log.info("image evicted", metadata: [.image: "\(checksum.prefix(16))"])
        }
    }

    /// Images that this process hasn't used count as used longest ago.
    private func lastUse(_ checksum: String) -> Duration {
        used[checksum].map { .zero - (ContinuousClock.now - $0) } ?? .seconds(-1_000_000_000)
    }

    /// The checksum becomes a file's name and the format a word for QEMU: neither is taken on trust.
    private func check(_ image: ImageReference) throws {
        guard SHA512Digest.isText(image.sha512) else {
            throw CloudError(.badRequest, "The image has no valid checksum.", detail: image.sha512)
        }
        guard image.diskFormat == "qcow2" || image.diskFormat == "raw" else {
            throw CloudError(.badRequest, "A server can't boot from an image of format \(image.diskFormat); use qcow2 or raw.")
        }
        guard (1...limits.imageBytes).contains(image.size) else {
            throw CloudError(.tooLarge, "The image is too large for this host, or empty.", detail: "\(image.size) bytes")
        }
    }

    private static let wrongData = CloudError(.internalError, "The image's data doesn't match its checksum.")

    private func isWhole(_ image: ImageReference) -> Bool { size(path(image.sha512)) == image.size }

    private func size(_ path: String) -> Int64? {
        var found = stat()
        return stat(path, &found) == 0 ? Int64(found.st_size) : nil
    }

    private func path(_ checksum: String) -> String { "\(directory)/\(checksum)" }

    /// The process that writes `<checksum>.<process>.<number>.part`.
    private static func process(ofPart name: String) -> pid_t? {
        let parts = name.split(separator: ".")
        guard parts.count == 4, parts.last == "part", SHA512Digest.isText(String(parts[0])) else { return nil }
        return pid_t(parts[1])
    }
}
