import APIConventions
import CellProtocol
import CloudModel
import ComputeRecords
import Database
import Glance
import Keystone
import Logging
import Messaging
import Nova
import Observability
import ProgramKit
import ServiceLifecycle

/// Nova's images are Glance's, in the same process.
struct GlanceCatalog: ImageCatalog {
    let glance: GlanceService

    func image(_ id: ImageID, for caller: Caller) async throws -> CatalogImage {
        let image = try await glance.image(id, for: caller)
        return CatalogImage(
            reference: ImageReference(image), status: image.status.rawValue)
    }
}

extension ImageReference {
    /// What cells and hosts are told of an image.
    init(_ image: Image) {
        self.init(
            id: image.id, name: image.name ?? "", diskFormat: image.diskFormat?.rawValue ?? "raw", size: image.size ?? 0,
            sha512: image.sha512 ?? "", minDisk: image.minDisk, minRAM: image.minRAM)
    }
}

/// The catalog is Keystone's, in the same process.
struct KeystoneRegions: RegionCatalog {
    let keystone: KeystoneService
    let urls: PublicURLs

    func add(_ region: CellName, description: String) async throws {
        try await keystone.add(AddRegion(region.rawValue, description: description, urls: urls.region(region)))
    }
}

/// Nova's questions travel to the hub, which knows the cells.
struct HubQuestions: CellQuestions {
    let messenger: any Messenger
    let hub: PeerName
    let timeout: Duration

    func consoleOutput(of server: ServerID, in cell: CellName, lines: Int?, request: RequestID?) async throws -> String {
        try await ask(GetConsoleOutput(server: server, cell: cell, lines: lines), request).output
    }

    func drift(
        of cell: CellName, after place: GetDrift.Place?, limit: Int, request: RequestID?
    ) async throws -> GetDrift.Reply {
        try await ask(GetDrift(cell: cell, after: place, limit: limit), request)
    }

    private func ask<Question: CellCall>(_ question: Question, _ request: RequestID?) async throws -> Question.Reply {
        do {
            return try await messenger.call(question, to: hub, request: request, timeout: timeout)
        } catch let error as MessagingError {
            throw error.cloudError
        }
    }
}

/// Hears that there are new events, and wakes the requests that wait for some. What was told while the connection was away is found by
/// their own period.
struct EventEar: Service {
    let newEvents = SharedBell()
    private let database: Database

    init(database: Database) { self.database = database }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in database.listen([ComputeChannel.events]) { newEvents.ring() }
        }
    }
}

/// Tells the super-scheduler that there are new intents: `NOTIFY` after commit, coalesced, on a connection of its own. Lost ones cost half
/// a second: the super-scheduler looks by period as well.
final class IntentBell: IntentSignal, Service {
    /// Creates that shared a commit ring within this. Longer delays every action, shorter tells the same several times.
    private static let gathering = Duration.milliseconds(2)

    private let database: Database
    private let log: Logger
    private let rings: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation

    init(database: Database, log: Logger) {
        self.database = database
        self.log = log
        (rings, ring) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func newIntents() { ring.yield() }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            for await _ in rings {
                do {
                    // A ring that comes meanwhile is told with this one, or else once more.
                    try await Task.sleep(for: Self.gathering)
                    try await database.notify(ComputeChannel.intents)
                } catch {
                    log.info("a wake-up was lost; the super-scheduler's own round will do", metadata: [.error: "\(error)"])
                }
            }
        }
    }
}
