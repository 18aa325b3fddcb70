package import CellProtocol
import CloudModel
package import Hypervisors

/// Where a guest's base image comes from. `ImageCache` keeps verified copies on the host's disk; simulated hosts have `NoImages`.
package protocol BaseImages: Sendable {
    /// The image on this host's disk, fetched if need be, and how it was found: `cache hit`, `cache miss`.
    func image(_ image: ImageReference, for purpose: ImagePurpose) async throws -> (base: GuestPlan.BaseImage?, note: String)
    /// Whether it is on this host's disk.
    func has(_ image: ImageReference) async -> Bool
    /// SHA-512 of the images that are here, for the inventory.
    func cached() async -> [String]
}

/// What an image is fetched for.
package enum ImagePurpose: Sendable {
    /// A server's build, which has a deadline.
    case build(WorkOrder)
    /// The first boot to come; nobody waits.
    case warmUp

    /// nil: none.
    var deadline: Timestamp? {
        switch self {
        case .build(let order): order.deadline
        case .warmUp: nil
        }
    }
}

/// Every image is there already and needs no file.
package struct NoImages: BaseImages {
    package init() {}
    package func image(_: ImageReference, for _: ImagePurpose) -> (base: GuestPlan.BaseImage?, note: String) {
        (nil, "cache hit")
    }
    package func has(_: ImageReference) -> Bool { true }
    package func cached() -> [String] { [] }
}

/// Takes down what is being done for a server while it is done: Nova's word for it, and the steps with their times.
protocol Logbook: Sendable {
    func progress(_ word: String, of server: ServerID) async
    func step(_ step: TraceStep, of server: ServerID) async
    func failed(_ error: any Error, _ work: Reconciler.Work) async
}
