import CellProtocol
import CloudModel
import ComputeAgent
import Hypervisors
import SuperScheduler

/// The images of a simulated federation, which are names without data. With none, its regions have no caches, and hosts fetch nothing.
final class SimulatedImages: Sendable {
    let all: [ImageReference]
    private let fetched = Lock<[HostName: [ImageID]]>([:])

    /// - Parameter ids: the newest first.
    init(_ ids: [ImageID]) {
        all = ids.map { ImageReference(id: $0, name: "i", diskFormat: "raw", size: 1 << 20, sha512: "\($0)") }
    }

    /// What hosts were let fetch and have, in the order in which they fetched it.
    var byHost: [HostName: [ImageID]] { fetched.withLock { $0 } }

    fileprivate func has(_ image: ImageID, on host: HostName) -> Bool { byHost[host]?.contains(image) == true }
    fileprivate func put(_ image: ImageID, on host: HostName) { fetched.withLock { $0[host, default: []].append(image) } }
}

extension SimulatedImages: ImagesOfAll {
    func newest(atMost limit: Int) -> [ImageReference] { Array(all.prefix(limit)) }
    func image(_ id: ImageID) -> ImageReference? { all.first { $0.id == id } }
}

extension SimulatedImages: ImageGrantSigner {
    func grant(image: ImageID, server: ServerID?, host: HostName, hostKey: String, expires: Timestamp) -> String {
        "\(image) for \(host)"
    }
    func url(of image: ImageID) -> String { "https://images/\(image)" }
}

/// The images of one host, which has what it was granted.
struct SimulatedHostImages: BaseImages {
    let images: SimulatedImages
    let host: HostName
    let grants: any ImageGrants

    func image(
        _ image: ImageReference, for purpose: ImagePurpose
    ) async throws -> (base: GuestPlan.BaseImage?, note: String) {
        // What servers of the simulation boot from is nobody's image.
        guard case .warmUp = purpose else { return (nil, "cache hit") }
        let grant = try await grants.grant(image.id, for: purpose)
        guard grant.grant == "\(image.id) for \(host)" else { throw CloudError(.unauthorized, "Not my grant: \(grant.grant)") }
        images.put(image.id, on: host)
        return (nil, "granted")
    }

    func has(_ image: ImageReference) -> Bool { images.has(image.id, on: host) }
    func cached() -> [String] { (images.byHost[host] ?? []).map { "\($0)" } }
}
