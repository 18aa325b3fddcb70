import CellProtocol
import CellSimulator
import CloudModel
import Database
import Messaging
import Testing

/// A host or a cell that was broken into says the worst that its name lets it say: it harms itself alone.
@Suite struct HostileJourneys {
    @Test func aHostileHostStopsNeitherItsConductorNorItsNeighbours() async throws {
        try await SimulatedFederation.with(cells: ["tunis"]) { federation in
            let cell = federation.cell("tunis")
            let servers = try await federation.accept(6)
            try await federation.areActive(servers)
            let row = try #require(
                try await cell.database.query("SELECT id, epoch, host FROM cell.servers ORDER BY host LIMIT 1").first)
            let (server, epoch, host): (ServerID, PlacementEpoch, HostName) = (
                try row.get("id"), try row.get("epoch"), try row.get("host")
            )
            await cell.kill(host.rawValue)
            let villain = federation.network.messenger(.host(host), dialling: [.cell("tunis")])
            villain.start()
            func says(_ change: (inout Observation) -> Void) async throws {
                var seen = Observation(
                    server: server, epoch: epoch, appliedRevision: 1, presence: .present, power: .running)
                change(&seen)
                _ = try await villain.call(ReportWork(observations: [seen]), to: .cell("tunis"), timeout: .seconds(20))
            }
            var step = TraceStep("host.start", place: "x", started: .now(), ended: .now())
            step.started = Timestamp(microseconds: .min)
            step.note = "NUL \0" + String(repeating: "n", count: 1_500)
            let worst = step
            try await says { $0.appliedRevision = .max }
            try await says { $0.appliedRevision = .min }
            try await says {
                $0.failure = "NUL \0"; $0.failedRevision = .max
            }
            try await says {
                $0.failure = "NUL \0"; $0.failedRevision = 1
            }
            try await says {
                $0.steps = Array(repeating: worst, count: 500); $0.progress = "\0"
            }
            for number in [Int.max, .min, -1, 1 << 40] {
                let inventory = HostInventory(
                    size: ResourceSize(vcpus: number, ram: number, disk: number), hypervisorType: "\0",
                    hypervisorVersion: number,
                    acceleration: "", traits: [], cachedImages: [], zone: "tunis", address: "\0")
                await #expect(throws: MessagingError.self) {
                    _ = try await villain.call(
                        HostHello(inventory: inventory, guests: [], release: "\0"), to: .cell("tunis"), timeout: .seconds(20))
                }
            }
            // The other host boots servers meanwhile, and the one that is itself again has all that it had.
            villain.stop()
            cell.startAgent(host)
            let more = try await federation.accept(4)
            try await federation.areActive(more)
            try await federation.act(.delete, on: server)
            try await eventually("\(server) is gone") { try await federation.show(server).isDeleted }
            try await federation.holdsTogether(servers + more)
        }
    }

    @Test func aHostileCellSaysNothingOfTheServersOfAnother() async throws {
        try await SimulatedFederation.with(cells: ["london", "tunis"]) { federation in
            let servers = try await federation.accept(4)
            try await federation.areActive(servers)
            let row = try #require(
                try await federation.top.query("SELECT id, epoch FROM compute.servers WHERE cell = 'london' LIMIT 1").first)
            let (server, epoch): (ServerID, PlacementEpoch) = (try row.get("id"), try row.get("epoch"))
            await federation.cell("tunis").kill("conductor")
            let villain = federation.network.messenger(
                .cell("tunis"), dialling: [.hub("meridian")])
            villain.start()
            defer { villain.stop() }
            let stored =
                try await federation.top.query(
                    "SELECT number, mark FROM compute.feed_cursors WHERE feed = 'up/tunis'"
                ).first.map { FeedPosition(number: try $0.get("number"), mark: try $0.get("mark")) } ?? .start
            let forged = ServerReport(
                server: server, epoch: epoch, revision: 1 << 50, doneThrough: 9, progress: nil, vmState: .deleted,
                powerState: .shutdown, host: "evil.tunis", zone: "tunis", instanceName: "x", launchedAt: .now(),
                terminatedAt: .now(), updatedAt: .now(), fault: nil, refused: nil)
            var impossible = forged
            impossible.revision = .max
            let to = FeedPosition(number: stored.number + 1, mark: 5)
            let reply = try await villain.call(
                FeedBatch(from: stored, to: to, changes: [.server(forged), .server(impossible)]), to: .hub("meridian"),
                lane: .bulk, timeout: .seconds(20))
            #expect(reply.stored == to)
            #expect(try await federation.show(server).status == "ACTIVE")
            #expect(
                try await federation.top.query(
                    "SELECT 1 FROM compute.events WHERE server = \(server) AND (cell = 'tunis' OR kind LIKE '%delete%')"
                ).isEmpty)
        }
    }
}
