import APIConventions
import ArgumentParser
import CellProtocol
import CloudModel
import Database
import Glance
import Keystone
import Messaging
import Nova
import Observability
import ProgramKit
import RegionConfig
import Tokens

/// Keystone, Glance and Nova on their ports, in one process. Stateless: any number may run beside each other.
struct APICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "api", abstract: "Serve the identity, image and compute APIs.")

    @OptionGroup var daemon: DaemonOptions
    @Option(name: .long, help: "This process's name among the API's, as its key is enrolled.")
    var name = "api"

    func run() async {
        await daemon.serve("meridian-api") { folders, log in
            let federation = try FederationFile.load(folders.federationFile)
            let top = federation.apiCell
            let database = Database(try DatabaseAddress(file: folders.databaseConninfo), logger: log)
            let hub = PeerName.hub(federation.name)
            let hubKey = try CurveKeyPair.loadPublicKey(folders.hubKey)
            let messenger = try ZeroMQMessenger(
                .init(
                    name: .api(name), keys: try .load(folders.secretKey(role: "api", name: name)),
                    dial: [
                        Dial(
                            peer: hub, control: "tcp://\(top.address):\(top.ports.hubControl)",
                            bulk: "tcp://\(top.address):\(top.ports.hubBulk)",
                            serverKey: hubKey)
                    ],
                    heartbeat: federation.timing.heartbeat),
                logger: log)
            let urls = PublicURLs(federation)
            let policies = try PolicyFolder.load(folders.policies)
            let tokenKeys = try FernetKeyRing(directory: folders.fernetKeys)
            let keystone = try policies.applied(to: .keystone) { rules in
                try KeystoneService(
                    database: database, keys: tokenKeys, hasher: try PasswordHasher(),
                    publicURL: urls.identityRoot, policy: rules, logger: log)
            }
            let glance = try policies.applied(to: .glance) { rules in
                try GlanceService(
                    database: database, store: folders.images,
                    grantKey: try GrantSigningKey(file: folders.grantSigningKey).publicKey, policy: rules, logger: log)
            }
            let bell = IntentBell(database: database, log: log)
            let ear = EventEar(database: database)
            let nova = try policies.applied(to: .nova) { rules in
                try NovaService(
                    database: database, authenticator: keystone.authenticator, images: GlanceCatalog(glance: glance),
                    questions: HubQuestions(messenger: messenger, hub: hub, timeout: federation.timing.questionTimeout),
                    signal: bell, newEvents: ear.newEvents,
                    welcome: CellWelcome(
                        federation: federation.name, hubKey: hubKey,
                        catalog: KeystoneRegions(keystone: keystone, urls: urls)),
                    publicURL: urls.computeRoot, identityURL: keystone.identityURL,
                    policyOverrides: rules,
                    regionSilent: federation.timing.regionSilent, buildDeadline: federation.timing.buildDeadline,
                    intentDeadline: federation.timing.intentDeadline, logger: log)
            }

            let imageRouter = APIRouter.service("glance", errors: .glance, identityURL: keystone.identityURL)
            glance.addRoutes(to: imageRouter, authenticator: keystone.authenticator, publicURL: urls.image)
            let computeRouter = APIRouter.service(
                "nova", errors: .nova, identityURL: keystone.identityURL, tellsComputeID: true, translate: NovaService.translate
            )
            nova.addRoutes(to: computeRouter)
            let tls =
                top.tls
                ? APIServer.TLSFiles(certificateChain: folders.serverCertificate, privateKey: folders.serverKey) : nil
            let servers = try [
                ("keystone", keystone.router(), top.ports.identity), ("glance", imageRouter, top.ports.image),
                ("nova", computeRouter, top.ports.compute),
            ].map { name, router, port in
                try APIServer(name: name, router: router, host: top.address, port: port, tls: tls, logger: log)
            }
            let health = HealthServer(
                host: top.address, port: top.ports.apiHealth,
                checks: [
                    "database": {
                        do {
                            try await database.query("SELECT 1")
                            return .healthy
                        } catch { return .unhealthy("\(error)") }
                    },
                    "token_keys": { tokenKeys.problem().map { .unhealthy($0) } ?? .healthy },
                    "hub": {
                        messenger.contact(hub).map { .healthy("last contact \($0) ago") } ?? .unhealthy("no contact yet")
                    },
                ])
            return [health, database, messenger, bell, ear, keystone, glance] + servers
        }
    }
}
