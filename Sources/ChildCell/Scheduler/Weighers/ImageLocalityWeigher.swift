package import CellProtocol

/// Hosts that have the image already.
package struct ImageLocalityWeigher: HostWeigher {
    package static let name = "image_locality"
    package init() {}
    package func score(_ host: HostState, for request: HostRequest) -> Double {
        guard let image = request.spec.image else { return 0 }
        return host.cachedImages.contains(image.sha512) ? 1 : 0
    }
}
