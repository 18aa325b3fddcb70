import APIConventions
import CellProtocol
import CloudModel
import CloudTestKit
import ComputeRecords
import Database
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Synchronization
import Testing

@testable import Nova

/// The compute API over a real database, with everyone else faked.
struct NovaFixture: Sendable {
    let database: Database
    let service: NovaService
    let images: FakeImages
    let questions: FakeQuestions
    let signal: CountingSignal
    let regions: FakeRegions
    let client: any TestClientProtocol

    static let hubKey = "hub-key-of-forty-characters-0123456789AB"
    static let project = ProjectID("a0000000000000000000000000000001")
    static let otherProject = ProjectID("b0000000000000000000000000000002")
    static let user = UserID("c0000000000000000000000000000003")

    /// Three cells, of which two have hosts; flavors as a new cloud has them; a tenant, a reader, a stranger and an administrator.
    static func with(
        quotas: QuotaLimits = QuotaLimits(), policy: [String: String] = [:], buildDeadline: Duration = .seconds(600),
        intentDeadline: Duration = .seconds(600),
        _ body: @escaping @Sendable (NovaFixture) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            try await database.migrate(ComputeMigrations.all, schema: ComputeMigrations.schema)
            try await BootstrapFlavors.add(to: database)
            try await addCells(database)
            let images = FakeImages()
            let questions = FakeQuestions()
            let signal = CountingSignal()
            let regions = FakeRegions()
            let service = try NovaService(
                database: database, authenticator: FakeTokens(), images: images, questions: questions, signal: signal,
                welcome: CellWelcome(federation: "meridian", hubKey: hubKey, catalog: regions),
                quotas: quotas,
                publicURL: "http://compute.test:8774", identityURL: "http://identity.test:5000",
                policyOverrides: policy, buildDeadline: buildDeadline, intentDeadline: intentDeadline, logger: .silent)
            let router = APIRouter.service(
                "compute", errors: .nova, identityURL: "http://identity.test:5000", tellsComputeID: true)
            service.addRoutes(to: router)
            let server = try APIServer(name: "compute", router: router, host: "127.0.0.1", port: 0, logger: .silent)
            try await server.application.test(.router) { client in
                try await body(
                    NovaFixture(
                        database: database, service: service, images: images, questions: questions, signal: signal,
                        regions: regions, client: client))
            }
        }
    }

    private static func addCells(_ database: Database) async throws {
        let size = ResourceSize(vcpus: 16, ram: 32_768, disk: 100)
        for cell in ["london", "tunis"] {
            let summary = CellSummary(
                state: .up,
                zones: [.init(name: ZoneName(cell), hosts: 1, free: size, largest: size, total: size, traits: [])], weight: 1)
            try await database.query("INSERT INTO compute.cells (name, summary) VALUES (\(cell), \(json: summary))")
            try await database.query(
                "INSERT INTO compute.cell_contacts (cell, last_contact) VALUES (\(cell), now() + interval '1 hour')")
            try await addHost(HostName("compute-1.\(cell)"), zone: ZoneName(cell), in: cell, to: database)
        }
        try await database.query("INSERT INTO compute.cells (name) VALUES ('amsterdam')")
    }

    private static func addHost(_ name: HostName, zone: ZoneName, in cell: String, to database: Database) async throws {
        let host = HostReport(
            name: name, revision: 1,
            inventory: HostInventory(
                size: ResourceSize(vcpus: 16, ram: 32_768, disk: 100), hypervisorType: "QEMU", hypervisorVersion: 7_002_000,
                acceleration: "qemu", traits: [], cachedImages: [], zone: zone, address: "10.3.0.11"),
            used: ResourceSize(vcpus: 1, ram: 128, disk: 1), servers: 1, enabled: true, disabledReason: nil, up: true,
            lastSeen: .now(), release: "0.1")
        try await database.query(
            "INSERT INTO compute.hosts (name, cell, revision, report) VALUES (\(host.name), \(cell), 1, \(json: host))")
    }

    /// A host that tells the API cell of itself; its cell's summary stays as it is.
    func addHost(_ name: HostName, zone: ZoneName, in cell: String = "tunis") async throws {
        try await Self.addHost(name, zone: zone, in: cell, to: database)
    }

    // MARK: Calls

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPFields
        let text: String
        var json: JSONValue { (try? JSONValue(parsing: text)) ?? .null }
        var message: String { json.object?.members.first?.value["message"]?.string ?? "" }
    }

    @discardableResult
    func call(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil, as token: String? = "member",
        version: String? = nil,
        headers extra: [String: String] = [:]
    ) async throws -> Answer {
        try await raw(method, path, body?.text, as: token, version: version, headers: extra)
    }

    func raw(
        _ method: HTTPRequest.Method, _ path: String, _ body: String?, as token: String? = "member", version: String? = nil,
        headers extra: [String: String] = [:]
    ) async throws -> Answer {
        var headers = HTTPFields()
        if let token { headers[.authToken] = token }
        if let version { headers[.openStackAPIVersion] = "compute \(version)" }
        for (name, value) in extra { headers[.known(name)] = value }
        if body != nil { headers[.contentType] = "application/json" }
        return try await client.execute(uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
        {
            Answer(status: $0.status.code, headers: $0.headers, text: String(buffer: $0.body))
        }
    }

    /// A server's body with the least that is needed.
    static func body(_ name: String = "one", _ extra: [String: JSONValue] = [:]) -> JSONValue {
        var server: JSONObject = ["name": .string(name), "imageRef": .string(FakeImages.active.description), "flavorRef": "1"]
        for (key, value) in extra { server[key] = value }
        return ["server": .object(server)]
    }

    func create(_ name: String = "one", _ extra: [String: JSONValue] = [:], as token: String = "member") async throws
        -> ServerID
    {
        let answer = try await call(.post, "/v2.1/servers", Self.body(name, extra), as: token)
        try #require(answer.status == 202, "\(answer.text)")
        return try #require(answer.json["server"]?["id"]?.string.flatMap { ServerID($0) })
    }

    func show(_ id: ServerID, as token: String = "member", version: String? = nil) async throws -> JSONValue {
        let answer = try await call(.get, "/v2.1/servers/\(id)", as: token, version: version)
        try #require(answer.status == 200, "\(answer.text)")
        return try #require(answer.json["server"])
    }

    // MARK: What the SuperScheduler and the cell would write

    func place(_ id: ServerID, in cell: String = "tunis") async throws {
        try await database.query(
            """
            UPDATE compute.servers SET mapping = 'placed', cell = \(cell), epoch = nextval('compute.placement_epoch'), placed_at = now()
            WHERE id = \(id)
            """)
    }

    /// The cell has done what was asked last.
    func settle(_ id: ServerID, _ state: VMState = .active, power: PowerState = .running) async throws {
        try await database.query(
            """
            UPDATE compute.servers SET done_through = last_action, progress = NULL, vm_state = \(state), power_state = \(power),
                host = 'compute-1.' || cell, host_zone = cell, instance_name = 'instance-1', launched_at = coalesce(launched_at, now()),
                revision = revision + 1, reported_at = now()
            WHERE id = \(id)
            """)
    }

    func active(_ name: String = "one", _ extra: [String: JSONValue] = [:]) async throws -> ServerID {
        let id = try await create(name, extra)
        try await place(id)
        try await settle(id)
        return id
    }

    func count(_ table: String) async throws -> Int {
        try #require(try await database.query("SELECT count(*) AS count FROM \(unsafe: table)").first).get("count")
    }
}

/// Tokens are their bearers' names.
struct FakeTokens: TokenAuthenticator {
    func authenticate(token: String) async throws -> Caller {
        let expires = Timestamp.now() + .seconds(3_600)
        switch token {
        case "member", "reader":
            return Caller(
                userID: NovaFixture.user, userName: token, projectID: NovaFixture.project, projectName: "demo", roles: [token],
                expiresAt: expires)
        case "stranger":
            return Caller(
                userID: "d0000000000000000000000000000004", userName: token, projectID: NovaFixture.otherProject,
                projectName: "other",
                roles: ["member"], expiresAt: expires)
        case "admin":
            return Caller(
                userID: "e0000000000000000000000000000005", userName: token, projectID: "f0000000000000000000000000000006",
                projectName: "admin", roles: ["admin"], expiresAt: expires)
        case "unscoped":
            return Caller(userID: NovaFixture.user, userName: token, roles: [], expiresAt: expires)
        default: throw CloudError.requiresAuthentication
        }
    }
}

/// Remembers what was added.
final class FakeRegions: RegionCatalog {
    private let regions = Mutex<[String]>([])
    var added: [String] { regions.withLock { $0 } }
    func add(_ region: CellName, description: String) async throws {
        regions.withLock { $0.append("\(region): \(description)") }
    }
}

final class FakeImages: ImageCatalog {
    static let active = ImageID(rawValue: UUID(uuidString: "11111111-1111-4111-8111-111111111111") ?? UUID())
    static let queued = ImageID(rawValue: UUID(uuidString: "22222222-2222-4222-8222-222222222222") ?? UUID())
    static let large = ImageID(rawValue: UUID(uuidString: "33333333-3333-4333-8333-333333333333") ?? UUID())

    func image(_ id: ImageID, for caller: Caller) async throws -> CatalogImage {
        let sha = String(repeating: "0", count: 128)
        switch id {
        case Self.active:
            return CatalogImage(
                reference: ImageReference(id: id, name: "tiny", diskFormat: "qcow2", size: 20 << 20, sha512: sha),
                status: "active")
        case Self.queued:
            return CatalogImage(
                reference: ImageReference(id: id, name: "none", diskFormat: "raw", size: 0, sha512: ""), status: "queued")
        case Self.large:
            return CatalogImage(
                reference: ImageReference(id: id, name: "large", diskFormat: "raw", size: 1, sha512: sha, minDisk: 50),
                status: "active")
        default: throw CloudError(.notFound, "No image found with ID \(id)")
        }
    }
}

final class FakeQuestions: CellQuestions {
    private let silent = Mutex(false)
    private let strangers = Mutex<[GetDrift.Stranger]>([])
    func goSilent() { silent.withLock { $0 = true } }
    func found(_ guests: [GetDrift.Stranger]) { strangers.withLock { $0 = guests } }

    func consoleOutput(of server: ServerID, in cell: CellName, lines: Int?, request: CloudModel.RequestID?) async throws
        -> String
    {
        if silent.withLock({ $0 }) { throw CloudError(.unavailable, "The region \(cell) doesn't answer.", retryAfter: 5) }
        let all = (1...100).map { "line \($0)" } + ["GUEST-READY"]
        return all.suffix(lines ?? all.count).joined(separator: "\n")
    }

    func drift(
        of cell: CellName, after place: GetDrift.Place?, limit: Int, request: CloudModel.RequestID?
    ) async throws -> GetDrift.Reply {
        if silent.withLock({ $0 }) { throw CloudError(.unavailable, "The region \(cell) doesn't answer.", retryAfter: 5) }
        let all = strangers.withLock { $0 }
        let begin = place.flatMap { place in all.firstIndex { $0.host == place.host && $0.server == place.server } }
        let rest = all.dropFirst(begin.map { $0 + 1 } ?? 0)
        let page = Array(rest.prefix(limit))
        let last = page.last.map { GetDrift.Place(host: $0.host, server: $0.server) }
        return GetDrift.Reply(strangers: page, next: page.count < rest.count ? last : nil)
    }
}

final class CountingSignal: IntentSignal {
    private let counted = Atomic<Int>(0)
    func newIntents() { counted.add(1, ordering: .relaxed) }
    var count: Int { counted.load(ordering: .relaxed) }
}
