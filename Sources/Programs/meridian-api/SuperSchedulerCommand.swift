import ArgumentParser
import CellProtocol
import CloudModel
import Database
import Glance
import Messaging
import Observability
import ProgramKit
import RegionConfig
import ServiceLifecycle
import SuperScheduler
import Tokens

/// The super-scheduler: the hub that cells and API processes dial.
struct SuperSchedulerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "super-scheduler",
        abstract: "Place servers in cells, hand their intents over, and take the cells' reports.")

    @OptionGroup var daemon: DaemonOptions

    func run() async {
        await daemon.serve("meridian-super-scheduler") { folders, log in
            let federation = try FederationFile.load(folders.federationFile)
            let top = federation.apiCell
            let database = Database(try DatabaseAddress(file: folders.databaseConninfo), logger: log)
            let cells = KeyRoster()
            let messenger = try ZeroMQMessenger(
                .init(
                    name: .hub(federation.name), keys: try .load(folders.secretKey(role: "hub", name: federation.name)),
                    listen: [
                        Listener(
                            control: "tcp://\(top.address):\(top.ports.hubControl)",
                            bulk: "tcp://\(top.address):\(top.ports.hubBulk)",
                            enrolment: Enrolment(directory: folders.enrolled, roster: cells))
                    ],
                    heartbeat: federation.timing.heartbeat),
                logger: log)
            let signer = GrantSigner(
                key: try GrantSigningKey(file: folders.grantSigningKey),
                imageURL: "\(top.scheme)://\(top.address):\(top.ports.image)")
            let hub = SuperSchedulerService(
                database: database, messenger: messenger, roster: cells, timing: federation.timing,
                images: GlanceImages(images: PublicImages(database: database)), signer: signer, logger: log)
            let health = HealthServer(
                host: top.address, port: top.ports.superSchedulerHealth,
                checks: [
                    "database": {
                        do {
                            try await hub.checkDatabase()
                            return .healthy
                        } catch { return .unhealthy("\(error)") }
                    }
                ])
            return [health, database, Leadership(hub: hub, then: [messenger, hub])]
        }
    }
}

/// Runs services once this process may lead, and ends when it no longer may: then the process stops and is started anew.
struct Leadership: Service {
    let hub: SuperSchedulerService
    let services: [any Service]

    init(hub: SuperSchedulerService, then services: [any Service]) {
        self.hub = hub
        self.services = services
    }

    func run() async throws {
        let lock = try await cancelWhenGracefulShutdown { try await hub.lead() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            group.addTask { await lock.lost() }
            try await group.next()
            group.cancelAll()
        }
        await lock.release()
    }
}

/// The images that every project may boot are Glance's, in the same database.
struct GlanceImages: ImagesOfAll {
    let images: PublicImages

    func newest(atMost limit: Int) async throws -> [ImageReference] {
        try await images.newest(atMost: limit).map(ImageReference.init)
    }

    func image(_ id: ImageID) async throws -> ImageReference? { try await images.image(id).map(ImageReference.init) }
}

/// Signs grants with the API cell's key.
struct GrantSigner: ImageGrantSigner {
    let key: GrantSigningKey
    let imageURL: String

    func grant(image: ImageID, server: ServerID?, host: HostName, hostKey: String, expires: Timestamp) throws -> String {
        guard let hostKey = GrantPublicKey(text: hostKey) else {
            throw CloudError(.badRequest, "The host's key is not a key: base64url of 32 bytes is expected.")
        }
        return try key.sign(Grant(image: image, server: server, host: host, hostKey: hostKey.text, expiresAt: expires))
    }

    func url(of image: ImageID) -> String { "\(imageURL)/v2/images/\(image)/file" }
}
