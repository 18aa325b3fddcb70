import CellSimulator
import CloudModel
import Database
import Hypervisors
import Testing

/// A federation in one process, over real PostgreSQL: what must hold of placement whatever the order of things.
@Suite(.serialized) struct PlacementJourneys {
    @Test func aServerBootsAcrossCells() async throws {
        try await SimulatedFederation.with { federation in
            let servers = try await federation.accept(6)
            for server in servers {
                try await eventually("\(server) is active") { try await federation.show(server).status == "ACTIVE" }
            }
            let cells = Set(try await servers.asyncMap { try await federation.show($0).cell })
            #expect(cells.count > 1, "spread over the cells")
            try await federation.holdsTogether(servers)
        }
    }

    @Test func anExplicitZonePinsTheCell() async throws {
        try await SimulatedFederation.with { federation in
            let servers = try await federation.accept(4, zone: "tunis")
            for server in servers {
                try await eventually("\(server) is active") { try await federation.show(server).status == "ACTIVE" }
                #expect(try await federation.show(server).cell == "tunis")
            }
        }
    }

    @Test func whatFitsNowhereEndsInErrorWithTheReason() async throws {
        try await SimulatedFederation.with { federation in
            let server = try await federation.accept(1, ram: 1_000_000)[0]
            try await eventually("it is in error") { try await federation.show(server).status == "ERROR" }
            let shown = try await federation.show(server)
            #expect(shown.message?.hasPrefix("No valid host was found.") == true)
            #expect(shown.task == nil)
        }
    }

    @Test func whatNobodyCouldBuildInTimeEndsInErrorWithTheReason() async throws {
        try await SimulatedFederation.with(cells: ["tunis"]) { federation in
            let server = try await federation.accept(1, deadline: .seconds(-1))[0]
            try await eventually("it is in error") { try await federation.show(server).status == "ERROR" }
            #expect(try await federation.show(server).message?.contains("build deadline") == true)
            #expect(try await federation.outcome(of: 1, on: server) == "failed")
        }
    }

    @Test func anAffinityGroupLeavesACellThatGaveItNothing() async throws {
        try await SimulatedFederation.with(cells: ["london", "tunis"]) { federation in
            let group = ServerGroupID.random()
            try await federation.top.query(
                """
                INSERT INTO compute.server_groups (id, project, user_id, name, policy, cell)
                VALUES (\(group), 'p1', 'u1', 'together', 'affinity', 'london')
                """)
            federation.cut("london")
            try await eventually("london is silent") {
                try await !federation.top.query("SELECT 1 FROM compute.events WHERE kind = 'cell.silent' AND cell = 'london'")
                    .isEmpty
            }
            let servers = try await federation.accept(3, affinity: group)
            for server in servers {
                try await eventually("\(server) is active") { try await federation.show(server).status == "ACTIVE" }
                #expect(try await federation.show(server).cell == "tunis")
            }
            for server in servers { try await federation.act(.delete, on: server) }
            try await eventually("nothing pins the group") {
                try await federation.top.query("SELECT 1 FROM compute.server_groups WHERE cell IS NOT NULL").isEmpty
            }
        }
    }

    @Test func anActionOnAServerThatItsCellLostFailsOnce() async throws {
        try await SimulatedFederation.with(cells: ["tunis"]) { federation in
            let server = try await federation.accept()[0]
            try await eventually("active") { try await federation.show(server).status == "ACTIVE" }
            try await federation.cell("tunis").database.query("DELETE FROM cell.servers WHERE id = \(server)")
            #expect(try await federation.act(.stop, on: server) == 2)
            try await eventually("it has failed") { try await federation.outcome(of: 2, on: server) == "failed" }
            #expect(try await federation.show(server).task == nil, "not busy any more")
        }
    }

    @Test func aFullCellSendsTheServerToTheNext() async throws {
        // Each host takes two servers of 128 MiB: 4 a cell, 12 in all.
        try await SimulatedFederation.with(host: SimulationScript(size: ResourceSize(vcpus: 16, ram: 256, disk: 100))) {
            federation in
            let servers = try await federation.accept(13)
            var statuses: [String: Int] = [:]
            for server in servers {
                try await eventually("\(server) has ended") { try await federation.show(server).status != "BUILD" }
                statuses[try await federation.show(server).status, default: 0] += 1
            }
            #expect(statuses == ["ACTIVE": 12, "ERROR": 1])
            try await federation.holdsTogether(servers)
        }
    }

    @Test func aRegionWhoseSummaryIsLateIsAskedAllTheSame() async throws {
        // Two hosts with room for two servers each.
        let host = SimulationScript(size: ResourceSize(vcpus: 16, ram: 256, disk: 100))
        try await SimulatedFederation.with(cells: ["tunis"], host: host) { federation in
            let servers = try await federation.accept(4)
            for server in servers {
                try await eventually("\(server) is active") { try await federation.show(server).status == "ACTIVE" }
            }
            try await eventually("the region's summary says that it is full") {
                try await federation.top.query(
                    "SELECT 1 FROM compute.cells WHERE (summary -> 'zones' -> 0 -> 'largest' ->> 'ram')::int = 0"
                ).count == 1
            }
            federation.faults.set([.losesQuestion], on: "cell-summary/1")
            let refused = try await federation.accept()[0]
            try await eventually("it is in error") { try await federation.show(refused).status == "ERROR" }
            let why = try await federation.show(refused).message
            #expect(why?.contains("tunis: its last summary showed no host with room for") == true)
            #expect(why?.contains("asked, it said: No host fits: of 2, ") == true)
            try await federation.act(.delete, on: servers[0])
            try await eventually("it is gone") { try await federation.show(servers[0]).isDeleted }
            let next = try await federation.accept()[0]
            try await eventually("it has ended") { try await federation.show(next).status != "BUILD" }
            let shown = try await federation.show(next)
            #expect(shown.status == "ACTIVE", "\(shown.message ?? "")")
        }
    }

    @Test func actionsRunInOrderAndAStartedServerCanBeStopped() async throws {
        try await SimulatedFederation.with(cells: ["tunis"]) { federation in
            let server = try await federation.accept()[0]
            try await eventually("active") { try await federation.show(server).status == "ACTIVE" }
            #expect(try await federation.act(.stop, on: server) == 2)
            #expect(try await federation.act(.start, on: server) == nil, "busy: 409")
            try await eventually("stopped") { try await federation.show(server).status == "SHUTOFF" }
            #expect(try await federation.act(.start, on: server) == 3)
            try await eventually("active again") { try await federation.show(server).status == "ACTIVE" }
            #expect(try await federation.act(.reboot, on: server, hard: true) == 4)
            try await eventually("rebooted") { try await federation.outcome(of: 4, on: server) == "done" }
            #expect(try await federation.act(.delete, on: server) == 5)
            try await eventually("gone") { try await federation.show(server).isDeleted }
            #expect(await federation.cell("tunis").guests().isEmpty)
        }
    }

    @Test(arguments: [0, 1, 5, 20, 60, 200])
    func deleteWinsBeforeDuringAndAfterCreate(milliseconds: Int) async throws {
        try await SimulatedFederation.with(cells: ["london", "tunis"]) { federation in
            let servers = try await federation.accept(8)
            try await Task.sleep(for: .milliseconds(milliseconds))
            for server in servers { try await federation.act(.delete, on: server) }
            for server in servers { try await eventually("\(server) is gone") { try await federation.show(server).isDeleted } }
            for cell in federation.cells.values {
                try await eventually("no guest is left in \(cell.name)") { await cell.guests().isEmpty }
                try await eventually("no room is taken in \(cell.name)") {
                    try await cell.database.query("SELECT 1 FROM cell.claims WHERE expires_at IS NULL").isEmpty
                }
            }
        }
    }

    @Test func aHostThatCannotBuildGivesTheServerToAnother() async throws {
        try await SimulatedFederation.with(cells: ["tunis"]) { federation in
            for hypervisor in federation.cell("tunis").hosts.values.prefix(1) {
                await hypervisor.failNext(.define, CloudError(.internalError, "The disk is full."))
            }
            let servers = try await federation.accept(2)
            for server in servers {
                try await eventually("\(server) is active") { try await federation.show(server).status == "ACTIVE" }
            }
            try await federation.holdsTogether(servers)
        }
    }
}
