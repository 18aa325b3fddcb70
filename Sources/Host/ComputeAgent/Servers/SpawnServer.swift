import CellProtocol
import CloudModel
import Hypervisors

/// Builds a server: image, ports, volumes, domain. Each step can be the last: cancellation is looked at between them.
struct SpawnServer {
    let hypervisor: any Hypervisor
    let images: any BaseImages
    let logbook: any Logbook
    let place: String

    func callAsFunction(_ order: WorkOrder) async throws -> Guest {
        let server = order.server
        await logbook.progress("block_device_mapping", of: server)
        let base = try await fetchImage(order)
        try Task.checkCancellation()

        await logbook.progress("networking", of: server)
        let now = Timestamp.now()
        await note("host.network", [23, 24, 25], from: now, of: server, "skipped: no network service")
        await note("host.volumes", [26, 27, 28], from: now, of: server, "skipped: no volumes")

        await logbook.progress("spawning", of: server)
        let defining = Timestamp.now()
        var guest = try await hypervisor.define(GuestPlan(server: server, epoch: order.epoch, spec: order.spec, base: base))
        await note("host.define", [29], from: defining, of: server)
        try Task.checkCancellation()

        let starting = Timestamp.now()
        try await hypervisor.start(server)
        try await hypervisor.setApplied(server, revision: order.revision, epoch: order.epoch)
        await note("host.start", [29], from: starting, of: server)
        guest.power = .running
        guest.appliedRevision = order.revision
        return guest
    }

    private func fetchImage(_ order: WorkOrder) async throws -> GuestPlan.BaseImage? {
        let started = Timestamp.now()
        guard let image = order.spec.image else {
            await note("host.image", [20, 21, 22], from: started, of: order.server, "skipped: no image")
            return nil
        }
        let (base, how) = try await images.image(image, for: .build(order))
        await note("host.image", [20, 21, 22], from: started, of: order.server, how)
        return base
    }

    private func note(_ name: String, _ classic: [Int], from started: Timestamp, of server: ServerID, _ note: String? = nil)
        async
    {
        await logbook.step(
            TraceStep(name, classic: classic, place: place, started: started, ended: .now(), note: note), of: server)
    }
}
