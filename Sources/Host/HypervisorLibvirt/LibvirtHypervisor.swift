internal import CLibvirt
package import CellProtocol
package import CloudModel
import Foundation
package import Hypervisors
package import Logging
import Observability

/// QEMU through libvirtd. Guests belong to libvirtd and outlive both it and us: their names, metadata and disks say all that the next
/// agent needs.
///
/// Opens its connection at the first call and again after the daemon was away; until it is back calls throw `.unavailable`.
package actor LibvirtHypervisor: Hypervisor {
    package struct Settings: Sendable {
        /// `qemu:///system`, or a daemon with a socket of its own.
        package var uri = "qemu:///system"
        /// Where guests' disks and console logs are. An absolute path: libvirtd and QEMU open the files too.
        package var instances: String
        package var emulator = "/usr/bin/qemu-system-x86_64"
        package var diskTool = "/usr/bin/qemu-img"
        /// Nil: KVM where a trial boot succeeds.
        package var usesKVM: Bool?

        package init(instances: String) { self.instances = instances }
    }

    package nonisolated var events: AsyncStream<HypervisorEvent> { report.stream() }
    private let report = HypervisorEvents()
    private let settings: Settings
    private let log: Logger
    /// One for the listing, one for a start or two, the rest for what is stuck.
    private let threads = BlockingThreads(8, name: "libvirt")
    private var connection: LibvirtConnection?
    private var opening: Task<LibvirtConnection, any Error>?
    private var acceleration: DomainXML.Acceleration?
    private var isDirect: Bool?
    private var hasConnected = false

    package init(_ settings: Settings, logger: Logger) throws {
        self.settings = settings
        log = logger
        try FileManager.default.createDirectory(atPath: settings.instances, withIntermediateDirectories: true)
    }

    deinit { threads.stop() }

    // MARK: - What is there

    package func describe() async throws -> HypervisorDescription {
        let acceleration = await accelerate()
        let instances = settings.instances
        return try await call { connection in
            var version: CUnsignedLong = 0
            guard virConnectGetVersion(connection.pointer, &version) == 0 else {
                throw LibvirtError.last("virConnectGetVersion", "The hypervisor doesn't tell its version.")
            }
            var node = virNodeInfo()
            guard virNodeGetInfo(connection.pointer, &node) == 0 else {
                throw LibvirtError.last("virNodeGetInfo", "The hypervisor doesn't tell what it has.")
            }
            var files = statvfs()
            guard statvfs(instances, &files) == 0 else { throw InstanceFolder.failure("statvfs(3)", instances) }
            let disk = Int(files.f_blocks) * Int(files.f_frsize) >> 30
            return HypervisorDescription(
                size: ResourceSize(vcpus: Int(node.cpus), ram: Int(node.memory) >> 10, disk: disk), type: "QEMU",
                version: Int(version), acceleration: acceleration.rawValue)
        }
    }

    package func guests() async throws -> [Guest] {
        let instances = settings.instances
        return try await call { connection in
            let guests = try Domain.all(on: connection).compactMap { try $0.guest() }
            for guest in guests where guest.isOn { InstanceFolder(of: guest.server, in: instances).trimConsole() }
            return guests
        }
    }

    package func guest(_ server: ServerID) async throws -> Guest? {
        try await call { connection in try Domain.lookUp(server, on: connection)?.guest() }
    }

    package func consoleOutput(_ server: ServerID, lines: Int?) async throws -> String {
        let folder = folder(of: server)
        let bytes = try await call { connection in
            _ = try Domain.find(server, on: connection)
            return folder.consoleTail()
        }
        return consoleTail(of: bytes, lines: lines)
    }

    // MARK: - Verbs

    package func define(_ plan: GuestPlan) async throws -> Guest {
        let folder = folder(of: plan.server)
        let xml = DomainXML(
            plan: plan, acceleration: await accelerate(), emulator: settings.emulator, folder: folder, isDirect: bypassesCache()
        )
        let disk = GuestDisk(plan: plan, folder: folder, tool: settings.diskTool)
        return try await call { connection in
            guard try Domain.lookUp(plan.server, on: connection) == nil else {
                throw CloudError(.conflict, "The server has a guest on this host already.", detail: "\(plan.server)")
            }
            // The definition comes last: a domain that exists has its disk.
            do {
                try folder.make()
                try disk.make()
                return try Domain.define(xml, on: connection).guest()
            } catch {
                try? folder.remove()
                throw error
            }
        } ?? Guest(server: plan.server, epoch: plan.epoch, appliedRevision: 0, power: .shutdown, spec: plan.spec)
    }

    package func start(_ server: ServerID) async throws {
        try await call { connection in try Domain.find(server, on: connection).start() }
    }

    package func stop(_ server: ServerID, patience: Duration) async throws {
        guard try await shutDown(server, patience: patience) else { return }
        log.notice("guest did not shut down", metadata: [.server: "\(server)"])
        try await call { connection in try Domain.find(server, on: connection).cutPower() }
    }

    package func reboot(_ server: ServerID, _ kind: WorkOrder.Reboot, patience: Duration) async throws {
        switch kind {
        case .soft: try await stop(server, patience: patience)
        case .hard: try await call { connection in try Domain.find(server, on: connection).cutPower() }
        }
        try await start(server)
    }

    package func destroy(_ server: ServerID, epoch: PlacementEpoch) async throws {
        let folder = folder(of: server)
        try await call { connection in
            if let domain = try Domain.lookUp(server, on: connection) {
                guard let guest = try domain.guest() else {
                    throw CloudError(.conflict, "A domain with the server's id is not ours.", detail: "\(server)")
                }
                guard guest.epoch <= epoch else {
                    throw CloudError(
                        .conflict, "The guest belongs to a later placement.", detail: "epoch \(guest.epoch), asked for \(epoch)"
                    )
                }
                try domain.cutPower()
                try domain.undefine()
            }
            try folder.remove()
        }
    }

    package func setApplied(_ server: ServerID, revision: Int64, epoch: PlacementEpoch) async throws {
        try await call { connection in
            let domain = try Domain.find(server, on: connection)
            guard var metadata = try domain.metadata() else {
                throw CloudError(.conflict, "A domain with the server's id is not ours.", detail: "\(server)")
            }
            guard epoch > metadata.epoch || (epoch == metadata.epoch && revision >= metadata.revision) else {
                throw CloudError(
                    .conflict, "The guest has applied a later order.",
                    detail: "epoch \(metadata.epoch) revision \(metadata.revision), asked for \(epoch) and \(revision)")
            }
            metadata.epoch = epoch
            metadata.revision = revision
            try domain.set(metadata)
        }
    }

    // MARK: -

    /// Asks the guest to power off until it has or `patience` is over; returns whether it is still on.
    private func shutDown(_ server: ServerID, patience: Duration) async throws -> Bool {
        let end = ContinuousClock.now + patience
        var askedAt: ContinuousClock.Instant?
        while true {
            let asks = askedAt.map { .now - $0 >= Self.askAgain } ?? (patience > .zero)
            let isOn = try await call { connection in
                let domain = try Domain.find(server, on: connection)
                guard try domain.power().isOn else { return false }
                if asks { domain.askToShutDown() }
                return true
            }
            if !isOn || ContinuousClock.now >= end { return isOn }
            if asks { askedAt = .now }
            try await Task.sleep(for: min(Self.lookAgain, end - .now))
        }
    }

    /// A guest that is just booting misses the power button: Nova presses it again every 10 s, too.
    private static let askAgain = Duration.seconds(10)
    private static let lookAgain = Duration.milliseconds(200)

    private func folder(of server: ServerID) -> InstanceFolder { InstanceFolder(of: server, in: settings.instances) }

    /// Runs `body` on a thread of its own with an open connection.
    private func call<Result: Sendable>(_ body: @escaping @Sendable (LibvirtConnection) throws -> Result) async throws -> Result
    {
        let connection = try await connected()
        do {
            return try await threads { try body(connection) }
        } catch let error as CloudError where error.code == .unavailable {
            if self.connection === connection { self.connection = nil }
            throw error
        }
    }

    private func connected() async throws -> LibvirtConnection {
        if let connection, connection.isAlive { return connection }
        if let opening { return try await opening.value }
        connection = nil
        let (uri, report, threads) = (settings.uri, report, threads)
        // Shared by all callers that wait for it, and not cancelled with the first of them.
        let opening = Task { try await threads { try LibvirtConnection(uri, report) } }
        self.opening = opening
        defer { self.opening = nil }
        let opened = try await opening.value
        connection = opened
        log.info("connected to libvirt", metadata: [.address: "\(uri)"])
        if hasConnected { report.yield(.reconnected) }
        hasConnected = true
        return opened
    }

    private func accelerate() async -> DomainXML.Acceleration {
        if let acceleration { return acceleration }
        let (settings, log) = (settings, log)
        let chosen: DomainXML.Acceleration =
            if let usesKVM = settings.usesKVM {
                usesKVM ? .kvm : .qemu
            } else {
                (try? await threads {
                    TrialBoot(emulator: settings.emulator, log: log).succeeds(rememberedIn: settings.instances)
                })
                    == true ? .kvm : .qemu
            }
        // Two callers may have tried at once, with the same result.
        acceleration = chosen
        return chosen
    }

    /// O_DIRECT of open(2) on x86-64, which glibc shows only with _GNU_SOURCE.
    private static let direct: Int32 = 0o40000

    /// Whether the file system of the instances takes O_DIRECT; tmpfs, for one, doesn't.
    private func bypassesCache() -> Bool {
        if let isDirect { return isDirect }
        let path = settings.instances + "/.direct-\(getpid())"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | Self.direct, 0o600)
        if descriptor >= 0 { close(descriptor) }
        unlink(path)
        isDirect = descriptor >= 0
        return descriptor >= 0
    }
}
