import CellProtocol
import CellSimulator
import CloudModel
import Database
import Hypervisors
import Messaging
import Testing

/// Everything dies and comes back at random, from a seed, while servers are booted, changed and deleted.
@Suite struct KillJourneys {
    @Test(arguments: seeds(1...4))
    func whateverDiesWhenEveryServerEndsWell(seed: UInt64) async throws {
        try await SimulatedFederation.with(cells: ["london", "tunis"], seed: seed) { federation in
            var random = SeededRandom(seed: seed, for: "kills")
            var servers: [ServerID] = []
            var doomed: Set<ServerID> = []
            for _ in 0..<12 {
                servers += try await federation.accept(Int.random(in: 1...6, using: &random))
                for _ in 0..<2 {
                    guard let server = servers.randomElement(using: &random), !doomed.contains(server) else { continue }
                    let verb = [Verb.delete, .stop, .start, .reboot].randomElement(using: &random) ?? .stop
                    if try await federation.act(verb, on: server) != nil, verb == .delete { doomed.insert(server) }
                }
                try await strike(federation, &random)
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...300, using: &random)))
                federation.heal()
            }
            try await federation.endsWell(servers, deleted: doomed)
        }
    }

    /// The same, over links that lose, double and reorder, and handlers that are called twice.
    @Test(arguments: seeds(8...9))
    func whateverDiesOverBadLinksEveryServerEndsWell(seed: UInt64) async throws {
        var faults = Faults.bad(loss: 0.02, duplication: 0.05, reordering: 0.1)
        faults.delay = .zero ... .milliseconds(10)
        try await SimulatedFederation.with(cells: ["london", "tunis"], seed: seed, faults: faults) { federation in
            for kind in MessageJourneys.kinds {
                federation.faults.set(MessageFaults.Fault.allCases, on: kind, probability: 0.05)
            }
            var random = SeededRandom(seed: seed, for: "kills")
            var servers: [ServerID] = []
            var doomed: Set<ServerID> = []
            for _ in 0..<6 {
                servers += try await federation.accept(Int.random(in: 1...6, using: &random))
                if let server = servers.randomElement(using: &random), try await federation.act(.delete, on: server) != nil {
                    doomed.insert(server)
                }
                try await strike(federation, &random)
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...300, using: &random)))
                federation.heal()
            }
            try await federation.endsWell(servers, deleted: doomed)
        }
    }

    /// The same, and in the middle one cell's database is put back to an earlier moment, while servers are being built there, builds fail
    /// and move on, and perhaps with a host that is dead just then.
    @Test(arguments: seeds(5...7))
    func aCellRestoredInAStormLosesNothingEither(seed: UInt64) async throws {
        let script = SimulationScript(
            boot: .milliseconds(seed.isMultiple(of: 2) ? 0 : 300), failureRate: seed.isMultiple(of: 3) ? 0 : 0.15, seed: seed,
            size: ResourceSize(vcpus: 16, ram: 16_384, disk: 200))
        try await SimulatedFederation.with(cells: ["london", "tunis"], hosts: 3, seed: seed, host: script) { federation in
            var random = SeededRandom(seed: seed, for: "kills")
            let tunis = federation.cell("tunis")
            var servers: [ServerID] = []
            var doomed: Set<ServerID> = []
            var dead: HostName?
            let kept = Int.random(in: 2...5, using: &random)
            var backup = try await tunis.backup()
            for round in 0..<8 {
                servers += try await federation.accept(Int.random(in: 1...6, using: &random))
                if let server = servers.randomElement(using: &random), try await federation.act(.delete, on: server) != nil {
                    doomed.insert(server)
                }
                try await strike(federation, &random)
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...300, using: &random)))
                federation.heal()
                if round == kept { backup = try await tunis.backup() }
                if round == 5 {
                    servers += try await federation.accept(4)
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0...200, using: &random)))
                    dead = Bool.random(using: &random) ? tunis.hosts.keys.sorted().randomElement(using: &random) : nil
                    if let dead { await tunis.kill(dead.rawValue) }
                    await tunis.kill("conductor")
                    try await tunis.restore(backup)
                    tunis.startConductor()
                }
            }
            if let dead {
                await tunis.kill(dead.rawValue)  // a strike may have brought it back already
                tunis.startAgent(dead)
            }
            try await federation.endsWell(servers, deleted: doomed)
        }
    }

    private func strike(_ federation: SimulatedFederation, _ random: inout SeededRandom) async throws {
        let cell = federation.cell(["london", "tunis"].randomElement(using: &random) ?? "tunis")
        switch Int.random(in: 0..<6, using: &random) {
        case 0: await cell.restartConductor()
        case 1:
            await cell.kill("scheduler")
            cell.startScheduler()
        case 2:
            guard let host = cell.hosts.keys.sorted().randomElement(using: &random) else { return }
            await cell.kill(host.rawValue)
            cell.startAgent(host)
        case 3:
            await federation.killHub()
            federation.startHub()
        case 4: federation.cut(cell.name)
        default: federation.cut(cell.name, oneWay: true)
        }
    }
}

extension SimulatedFederation {
    /// Whatever happened: what was to be deleted is gone, the rest is at rest, and rows and hypervisors agree.
    func endsWell(_ servers: [ServerID], deleted: Set<ServerID>) async throws {
        try await comesToRest(servers, deleted: deleted)
        try await holdsTogether(servers)
        for server in servers where !deleted.contains(server) {
            let shown = try await show(server)
            #expect(["ACTIVE", "SHUTOFF"].contains(shown.status), "\(server) \(shown)")
        }
        for cell in cells.values { try await cell.claimsMatchServers() }
    }

    /// Waits until what was to be deleted is gone and nothing is asked of the others any more.
    func comesToRest(_ servers: [ServerID], deleted: Set<ServerID>) async throws {
        for server in servers {
            do {
                try await eventually("\(server) comes to rest", within: .seconds(60)) {
                    let shown = try await self.show(server)
                    return deleted.contains(server) ? shown.isDeleted : shown.task == nil && shown.status != "BUILD"
                }
            } catch {
                try await explain(server)
                throw error
            }
        }
    }

    /// Prints what everybody knows of a server.
    private func explain(_ server: ServerID) async throws {
        print("top:", try await show(server))
        let actions = try await top.query(
            "SELECT verb, delivery, state FROM compute.server_actions WHERE server = \(server) ORDER BY number")
        for row in actions {
            print(
                "action:", try row.get("verb") as String, try row.get("delivery") as String,
                try row.get("state") as String? ?? "-")
        }
        for cell in cells.values {
            let rows = try await cell.database.query("SELECT record::text AS record FROM cell.servers WHERE id = \(server)")
            for row in rows { print("\(cell.name):", try row.get("record") as String) }
            for (host, guest) in await cell.guests() where guest.server == server { print("\(host):", guest) }
        }
    }
}
