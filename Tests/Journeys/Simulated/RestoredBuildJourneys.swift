import CellProtocol
import CellSimulator
import CloudModel
import Database
import Hypervisors
import Testing

/// A cell's database is put back while servers are being built: each still runs once, wherever its build has got to.
@Suite struct RestoredBuildJourneys {
    /// Its host holds the order and has nothing to show for it yet.
    @Test func aBuildThatTheDatabaseForgotIsNotBegunElsewhere() async throws {
        try await SimulatedFederation.with(cells: ["tunis"], hosts: 3) { federation in
            let cell = federation.cell("tunis")
            let backup = try await cell.backup()
            for hypervisor in cell.hosts.values { await hypervisor.hold(.define) }
            let servers = try await federation.accept(4)
            try await eventually("all are being built") { await cell.held(at: .define) == 4 }
            try await cell.putBack(backup)
            try await eventually("the cell has recovered") { try await cell.hasRecovered(servers) }
            for hypervisor in cell.hosts.values { await hypervisor.release(.define) }
            try await federation.areActive(servers)
            try await federation.holdsTogether(servers)
            try await cell.claimsMatchServers()
        }
    }

    /// The feed never told of the build, so the API cell's position is one that the restored database knows. The hosts know better.
    @Test func aRestoreThatTheFeedDoesNotShowIsSeenByTheHosts() async throws {
        try await SimulatedFederation.with(cells: ["tunis"], hosts: 3) { federation in
            let cell = federation.cell("tunis")
            try await federation.areActive(try await federation.accept(1))
            for hypervisor in cell.hosts.values { await hypervisor.hold(.define) }
            federation.faults.set([.losesQuestion], on: FeedBatch.kind)
            let backup = try await cell.backup()
            let servers = try await federation.accept(3)
            try await eventually("all are being built") { await cell.held(at: .define) == 3 }
            try await cell.putBack(backup)
            federation.faults.clear()
            try await eventually("the cell has recovered") { try await cell.hasRecovered(servers) }
            for hypervisor in cell.hosts.values { await hypervisor.release(.define) }
            try await federation.areActive(servers)
            try await federation.holdsTogether(servers + (try await federation.all().filter { !servers.contains($0) }))
            try await cell.claimsMatchServers()
        }
    }

    /// Between the backup and the restore a build has moved to another host, and nothing of it was told.
    @Test func aBuildThatHasMovedSinceTheBackupStaysWhereItIs() async throws {
        try await SimulatedFederation.with(cells: ["tunis"], hosts: 2) { federation in
            let cell = federation.cell("tunis")
            for hypervisor in cell.hosts.values {
                await hypervisor.hold(.define)
                await hypervisor.failNext(.define, CloudError(.internalError, "The disk is full."))
            }
            federation.faults.set([.losesQuestion], on: FeedBatch.kind)
            let server = try await federation.accept()[0]
            try await eventually("its first host builds") { await cell.held(at: .define) == 1 }
            let backup = try await cell.backup()
            let first = try #require(await cell.hostHeld(at: .define))
            let second = try #require(cell.hosts.first { $0.key != first })
            await second.value.release(.define)
            await second.value.forgetFailures()
            await second.value.hold(.start)
            await cell.hosts[first]?.release(.define)
            try await eventually("its second host builds") { await second.value.waiting(at: .start) == 1 }
            try await cell.putBack(backup)
            federation.faults.clear()
            try await eventually("the cell has recovered") { try await cell.hasRecovered([server]) }
            await second.value.release(.start)
            try await federation.areActive([server])
            #expect(try await federation.show(server).host == second.key)
            try await federation.holdsTogether([server])
            try await cell.claimsMatchServers()
        }
    }

    /// The host that may have it is dead when the cell recovers. The server waits for its word.
    @Test func aServerOfASilentHostIsNotBuiltUntilThatHostHasSpoken() async throws {
        try await SimulatedFederation.with(cells: ["tunis"], hosts: 2) { federation in
            let cell = federation.cell("tunis")
            let backup = try await cell.backup()
            // Built, but nobody was told: the reports are lost.
            federation.faults.set([.losesQuestion], on: ReportWork.kind)
            let server = try await federation.accept()[0]
            try await eventually("its guest runs") { await cell.guests().contains { $0.guest.power == .running } }
            let host = try #require(await cell.guests().first?.host)
            await cell.kill(host.rawValue)
            federation.faults.clear()
            try await cell.putBack(backup)
            try await eventually("the cell goes on, and waits for the host") {
                try await cell.database.query("SELECT 1 FROM cell.standing WHERE recovering IS NULL AND \(host) = ANY(awaited)")
                    .count == 1
            }
            // Others are served meanwhile.
            let young = try await federation.accept(2)
            try await federation.areActive(young)
            #expect(try await federation.show(server).status == "BUILD")
            #expect(await cell.guests().filter { $0.guest.server == server }.map(\.host) == [host])

            cell.startAgent(host)
            try await federation.areActive([server])
            try await federation.holdsTogether([server] + young)
            try await cell.claimsMatchServers()
        }
    }

    /// The same, but the dead host has nothing: when it says so, the server is built.
    @Test func aServerThatNoHostHasIsBuiltAnewWhenTheLastHasSpoken() async throws {
        try await SimulatedFederation.with(cells: ["tunis"], hosts: 2) { federation in
            let cell = federation.cell("tunis")
            let backup = try await cell.backup()
            for hypervisor in cell.hosts.values { await hypervisor.hold(.define) }
            let servers = try await federation.accept(2)
            try await eventually("all are being built") { await cell.held(at: .define) == 2 }
            // Both agents die with their builds in hand, and what their last calls made is lost; one is back at once.
            let row = try await cell.database.query("SELECT host FROM cell.servers WHERE id = \(servers[1])").first
            let silent: HostName = try #require(try row?.get("host"))
            let back = try #require(cell.hosts.keys.first { $0 != silent })
            cell.cancel("conductor", silent.rawValue, back.rawValue)
            for hypervisor in cell.hosts.values { await hypervisor.release(.define) }
            for process in ["conductor", silent.rawValue, back.rawValue] { await cell.kill(process) }
            for (host, guest) in await cell.guests() { try await cell.hosts[host]?.lose(guest.server) }
            cell.startAgent(back)
            try await federation.act(.delete, on: servers[1])
            try await cell.putBack(backup)
            try await eventually("the cell goes on, and waits for the host") {
                try await cell.database.query(
                    "SELECT 1 FROM cell.standing WHERE recovering IS NULL AND \(silent) = ANY(awaited)"
                )
                .count == 1
            }
            #expect(try await federation.show(servers[0]).status == "BUILD")
            #expect(try await !federation.show(servers[1]).isDeleted, "where it is has to be known before it is gone")
            cell.startAgent(silent)
            try await federation.areActive([servers[0]])
            try await eventually("the deleted one is gone") { try await federation.show(servers[1]).isDeleted }
            try await federation.holdsTogether(servers)
            try await cell.claimsMatchServers()
        }
    }
}

extension SimulatedCell {
    /// Puts the database back as an operator does: the conductor is stopped meanwhile.
    func putBack(_ backup: CellBackup) async throws {
        await kill("conductor")
        try await restore(backup)
        startConductor()
    }

    /// The host that is held at this step.
    func hostHeld(at step: SimulationScript.Step) async -> HostName? {
        for (host, hypervisor) in hosts where await hypervisor.waiting(at: step) > 0 { return host }
        return nil
    }

    /// How many guests are held at this step, over all hosts.
    func held(at step: SimulationScript.Step) async -> Int {
        var count = 0
        for hypervisor in hosts.values { count += await hypervisor.waiting(at: step) }
        return count
    }
}

extension SimulatedFederation {
    /// Every server that was accepted.
    func all() async throws -> [ServerID] { try await top.query("SELECT id FROM compute.servers").map { try $0.get("id") } }
}
