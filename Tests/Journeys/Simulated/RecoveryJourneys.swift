import CellProtocol
import CellSimulator
import CloudModel
import Database
import Hypervisors
import Testing

/// A cell whose database was restored from a backup destroys no guest and finds its way back.
@Suite struct RecoveryJourneys {
    @Test func aRestoredCellDestroysNoGuestAndFindsItsWayBack() async throws {
        try await SimulatedFederation.with(cells: ["tunis"]) { federation in
            let cell = federation.cell("tunis")
            let old = try await federation.accept(5)
            try await federation.areActive(old)
            let backup = try await cell.backup()

            // What the backup doesn't know: new servers, a deleted one, a stopped one, and a guest that nobody asked for.
            let stray = ServerID.random()
            let (strayHost, hypervisor) = try #require(cell.hosts.first)
            _ = try await hypervisor.define(GuestPlan(server: stray, epoch: PlacementEpoch(1), spec: .plain))
            let young = try await federation.accept(4)
            try await federation.areActive(young)
            try await federation.act(.delete, on: old[0])
            try await federation.act(.stop, on: old[1])
            try await eventually("one is gone") { try await federation.show(old[0]).isDeleted }
            try await eventually("one is stopped") { try await federation.show(old[1]).status == "SHUTOFF" }
            // Its host looks around every half second, and has seen the stray guest by then.
            try await Task.sleep(for: .seconds(1))
            let before = await cell.census()

            await cell.kill("conductor")
            try await cell.restore(backup)
            cell.startConductor()
            let running = Array(old.dropFirst(2)) + young
            try await eventually("the cell knows its servers again") {
                for server in running { #expect(try await federation.show(server).status == "ACTIVE") }
                return try await cell.hasRecovered(young)
            }
            #expect(await cell.census() == before, "no guest destroyed, none doubled")
            #expect(try await federation.show(old[0]).isDeleted, "what was deleted stays so")
            #expect(try await federation.show(old[1]).status == "SHUTOFF")
            try await eventually("the stray guest alone is listed") {
                let drift = try await federation.drift(of: "tunis", page: 1)
                return drift.map(\.server) == [stray] && drift.map(\.host) == [strayHost]
            }

            // Everything works as before, on old servers and young.
            try await federation.countsOn("tunis")
            let fresh = try await federation.accept(3)
            try await federation.areActive(fresh)
            for server in [old[2], young[0]] {
                #expect(try await federation.act(.stop, on: server) != nil)
                try await eventually("\(server) stops") { try await federation.show(server).status == "SHUTOFF" }
                #expect(try await federation.act(.start, on: server) != nil)
                try await eventually("\(server) starts") { try await federation.show(server).status == "ACTIVE" }
            }
            for server in [old[1], old[3], young[1]] {
                #expect(try await federation.act(.delete, on: server) != nil)
                try await eventually("\(server) is gone") { try await federation.show(server).isDeleted }
            }
            #expect(try await federation.show(old[0]).isDeleted)
            #expect(await cell.census().contains { $0.server == stray }, "a stray guest is left alone")
            try await hypervisor.lose(stray)
            try await federation.holdsTogether([old[2], old[4], young[0], young[2], young[3]] + fresh)
            try await cell.claimsMatchServers()
            try await eventually("the API cell hears what the hosts are used for") { try await federation.hostsHave(8) }
        }
    }

    /// Right after the restore, before the hosts have reported: the order's number is one that the host passed long ago.
    @Test func anActionOnARestoredServerIsNotLostUnderAnOldNumber() async throws {
        try await SimulatedFederation.with(cells: ["tunis"]) { federation in
            let cell = federation.cell("tunis")
            let servers = try await federation.accept(3)
            try await federation.areActive(servers)
            let backup = try await cell.backup()
            for server in servers {
                for verb in [Verb.stop, .start] {
                    #expect(try await federation.act(verb, on: server) != nil)
                    try await eventually("\(verb) is done") { try await federation.show(server).task == nil }
                }
            }
            federation.cut("tunis")
            await cell.kill("conductor")
            try await cell.restore(backup)
            try await federation.act(.stop, on: servers[0])
            try await federation.act(.reboot, on: servers[1], hard: true)
            try await federation.act(.delete, on: servers[2])
            federation.heal()
            cell.startConductor()
            try await eventually("stopped") { try await federation.show(servers[0]).status == "SHUTOFF" }
            try await eventually("rebooted") { try await federation.outcome(of: 4, on: servers[1]) == "done" }
            try await eventually("gone") { try await federation.show(servers[2]).isDeleted }
            try await federation.holdsTogether(servers)
            try await cell.claimsMatchServers()
        }
    }

    @Test func aCellThatLostItsDatabaseTakesItsServersFromTheTopAndTheHosts() async throws {
        try await SimulatedFederation.with(cells: ["tunis"]) { federation in
            let cell = federation.cell("tunis")
            let servers = try await federation.accept(6)
            try await federation.areActive(servers)
            let before = await cell.census()
            await cell.kill("conductor")
            try await cell.loseDatabase()
            cell.startConductor()
            try await eventually("the cell knows its servers again") { try await cell.hasRecovered(servers) }
            try await federation.countsOn("tunis")
            #expect(await cell.census() == before)
            try await cell.claimsMatchServers()
            #expect(try await federation.act(.delete, on: servers[0]) != nil)
            try await eventually("gone") { try await federation.show(servers[0]).isDeleted }
            try await federation.areActive(try await federation.accept(2))
        }
    }

    /// Between the backup and the restore a server was deleted while its cell could not say so.
    @Test func aDeleteThatTheCellForgotIsCarriedOut() async throws {
        try await SimulatedFederation.with(cells: ["tunis"]) { federation in
            let cell = federation.cell("tunis")
            let servers = try await federation.accept(2)
            try await federation.areActive(servers)
            let backup = try await cell.backup()
            try await federation.areActive(try await federation.accept(1))
            federation.cut("tunis")
            try await federation.act(.delete, on: servers[0])
            await cell.kill("conductor")
            try await cell.restore(backup)
            federation.heal()
            cell.startConductor()
            try await eventually("gone") { try await federation.show(servers[0]).isDeleted }
            #expect(await !cell.census().contains { $0.server == servers[0] })
            #expect(try await federation.show(servers[1]).status == "ACTIVE")
        }
    }
}

/// One guest on one host.
struct Census: Hashable {
    let server: ServerID
    let host: HostName
    let epoch: PlacementEpoch
}

extension SimulatedCell {
    func census() async -> [Census] {
        await guests().map { Census(server: $0.guest.server, host: $0.host, epoch: $0.guest.epoch) }.sorted {
            $0.server < $1.server
        }
    }

    /// The cell works as usual and has rows of these servers.
    func hasRecovered(_ servers: [ServerID]) async throws -> Bool {
        let row = try await database.query(
            """
            SELECT (SELECT recovering IS NULL FROM cell.standing) AS up,
                (SELECT count(*) FROM cell.servers WHERE id = ANY(\(servers)) AND vm_state <> 'deleted') AS rows
            """
        ).first
        return try row?.get("up") == true && row?.get("rows") == Int64(servers.count)
    }

    /// Each server that lives here has its room, nobody else has any, and the hosts' sums are those of their claims.
    func claimsMatchServers() async throws {
        try await eventually("claims match servers") {
            try await self.database.query(
                """
                (SELECT id FROM cell.servers WHERE vm_state <> 'deleted' AND NOT (record ? 'refused') EXCEPT SELECT server FROM cell.claims)
                UNION ALL (SELECT server FROM cell.claims EXCEPT SELECT id FROM cell.servers WHERE vm_state <> 'deleted')
                """
            ).isEmpty
        }
        let wrong = try await database.query(
            """
            SELECT name FROM cell.hosts h
            WHERE used_ram <> (SELECT coalesce(sum(ram), 0) FROM cell.claims c WHERE c.host = h.name)
            """)
        #expect(wrong.isEmpty, "used is the sum of the claims")
    }
}

extension SimulatedFederation {
    func areActive(_ servers: [ServerID], within limit: Duration = .seconds(30)) async throws {
        for server in servers {
            do {
                try await eventually("\(server) is active", within: limit) { try await self.show(server).status == "ACTIVE" }
            } catch {
                let shown = try await show(server)
                Issue.record("\(server) is \(shown.status) in \(shown.cell?.rawValue ?? "no cell"): \(shown.message ?? "")")
                throw error
            }
        }
    }

    /// Waits until the API cell sees the cell up and with hosts.
    func countsOn(_ cell: CellName) async throws {
        try await eventually("\(cell) is up") {
            try await self.top.query(
                """
                SELECT 1 FROM compute.cells WHERE name = \(cell) AND summary ->> 'state' = 'up' AND jsonb_array_length(summary -> 'zones') > 0
                """
            ).count == 1
        }
    }

    /// Whether the hosts, as the API cell knows them, have so many servers in all.
    func hostsHave(_ count: Int) async throws -> Bool {
        try await top.query("SELECT sum((report ->> 'servers')::bigint)::bigint AS servers FROM compute.hosts").first?
            .get("servers") == Int64(count)
    }
}

extension ServerSpec {
    static let plain = ServerSpec(
        name: "stray", hostname: "stray", project: "p", user: "u",
        flavor: Flavor(id: "1", name: "m1.tiny", vcpus: 1, ram: 128, disk: 1),
        image: nil)
}
