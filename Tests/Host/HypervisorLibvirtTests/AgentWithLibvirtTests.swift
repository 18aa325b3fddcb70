import CellProtocol
import CloudModel
import ComputeAgent
import Foundation
import HypervisorLibvirt
import Hypervisors
import Logging
import Messaging
import NIOCore
import Testing
import Tokens

/// The agent, a real libvirtd and a real guest: from the order through the image to the console, across a crash of the agent.
@Suite(
    .serialized, .enabled(if: PrivateLibvirt.isThere, "\(PrivateLibvirt.reason)"),
    .enabled(if: TinyImage.path != nil, "the image tiny has not been built (make image, or MERIDIAN_TINY_IMAGE)"))
struct AgentWithLibvirtTests {
    @Test func aServerIsBuiltAdoptedStoppedAndDestroyed() async throws {
        guard case .running(let libvirt) = PrivateLibvirt.shared, let path = TinyImage.path else { return }
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let network = MemoryNetwork(seed: 1)
        let conductor = FakeConductor(network, host: "compute-1.tunis")
        let server = ServerID.random()
        var order = order(server, image: data)

        try await withAgent(libvirt, network, data) {
            conductor.order(order)
            let seen = try await conductor.wait(for: server, within: .seconds(60)) {
                $0.power == .running && $0.appliedRevision == 1
            }
            #expect(seen.presence == .present)
            let notes = conductor.steps(server).map(\.note)
            #expect(notes.contains("cache miss: \(data.count) bytes from Glance"))
            _ = try await eventually(within: .seconds(120)) {
                try await conductor.console(server).contains("GUEST-READY") ? true : nil
            }
        }
        // The agent is gone, the guest is not. The next agent finds it, and crashes of it are told.
        let name = "instance-\(server.rawValue.hex.prefix(8))"
        #expect(kill(try libvirt.process(of: name), 0) == 0)
        try await withAgent(libvirt, network, data) {
            _ = try await eventually {
                conductor.hellos.last?.guests.contains { $0.observation.server == server } == true ? true : nil
            }
            kill(try libvirt.process(of: name), SIGKILL)
            _ = try await conductor.wait(for: server) { $0.power == .crashed }
            order.revision = 2
            order.reboot = .hard
            conductor.order(order)
            _ = try await conductor.wait(for: server, within: .seconds(60)) { $0.power == .running && $0.appliedRevision == 2 }
            order.revision = 3
            order.desired = .destroyed
            conductor.order(order)
            _ = try await conductor.wait(for: server, within: .seconds(60)) {
                $0.presence == .absent && $0.appliedRevision == 3
            }
            #expect(!FileManager.default.fileExists(atPath: "\(libvirt.folder)/instances/\(server)"))
        }
    }

    private func order(_ server: ServerID, image: Data) -> WorkOrder {
        var spec = HypervisorContract.spec()
        spec.image = ImageReference(
            id: .random(), name: "tiny", diskFormat: "qcow2", size: Int64(image.count), sha512: SHA512Digest.hex(of: image))
        return WorkOrder(
            server: server, epoch: 7, revision: 1, desired: .running, spec: spec, action: 1, request: nil,
            deadline: .now() + .seconds(300))
    }

    private func withAgent(_ libvirt: PrivateLibvirt, _ network: MemoryNetwork, _ image: Data, _ body: () async throws -> Void)
        async throws
    {
        let messenger = network.messenger(.host("compute-1.tunis"), dialling: [.cell("tunis")], logger: .silent)
        let images = try ImageCache(
            directory: libvirt.folder + "/images", grants: AnyGrant(), source: OneImage(data: image), inUse: { [] },
            logger: .silent)
        let agent = HostAgent(
            .init(host: "compute-1.tunis", cell: "tunis", zone: "tunis", address: "127.0.0.1", limits: .libvirt),
            hypervisor: try libvirt.hypervisor(), images: images, messenger: messenger, logger: .silent)
        messenger.start()
        let running = Task { try await agent.run() }
        defer {
            running.cancel()
            messenger.stop()
        }
        try await body()
    }
}

private struct AnyGrant: ImageGrants {
    func grant(_: ImageID, for _: ImagePurpose) -> ImageGrant { ImageGrant(url: "https://glance/", grant: "", expires: .now()) }
}

private struct OneImage: ImageSource {
    let data: Data
    func fetch(
        _: ImageGrant, verifying _: Bool, _ take: @Sendable (ByteBuffer) async throws -> Void
    ) async throws -> ImageOrigin {
        for start in stride(from: 0, to: data.count, by: 1 << 20) {
            try await take(ByteBuffer(bytes: data[start..<min(start + 1 << 20, data.count)]))
        }
        return .glance
    }
}

/// The guest image, if it has been built.
enum TinyImage {
    static let path: String? = {
        let path =
            ProcessInfo.processInfo.environment["MERIDIAN_TINY_IMAGE"]
            ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
                "../../../var/images/tiny.qcow2"
            )
            .standardized.path
        return access(path, R_OK) == 0 ? path : nil
    }()
}
