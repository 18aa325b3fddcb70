import CellProtocol
import CellSimulator
import CloudModel
import Database
import Testing

/// The API database was restored from a backup: it doesn't know what it has placed since, and builds nothing twice.
@Suite struct RewoundTopJourneys {
    @Test func nothingIsPlacedInACellThatKnowsMoreUntilTheEpochsAreRaised() async throws {
        try await SimulatedFederation.with(cells: ["london", "tunis"]) { federation in
            let known = try await federation.accept(3, zone: "tunis")
            try await federation.areActive(known)
            // A restored database has it unplaced, and its cell built it long ago.
            let forgotten = try await federation.accept(zone: "tunis")[0]
            try await federation.areActive([forgotten])
            let tunis = federation.cell("tunis")
            let before = await tunis.census()

            await federation.killHub()
            try await federation.rewindPlacements(forgetting: forgotten)
            federation.startHub()

            // Asked for in Tunis, or accepted before the restore: nobody builds them, and they say why.
            let pinned = try await federation.accept(zone: "tunis")[0]
            for server in [pinned, forgotten] {
                try await eventually("\(server) has ended") { try await federation.show(server).status != "BUILD" }
                let shown = try await federation.show(server)
                #expect(shown.status == "ERROR")
                #expect(shown.message?.contains("restored from a backup, and the region tunis knows later placements") == true)
            }
            #expect(await tunis.census() == before, "nothing was built, nothing was stopped")
            // What is new and may go elsewhere goes there.
            let young = try await federation.accept(3)
            try await federation.areActive(young)
            for server in young { #expect(try await federation.show(server).cell == "london") }

            // It is not a matter of one process's memory.
            await federation.killHub()
            federation.startHub()
            let again = try await federation.accept(zone: "tunis")[0]
            try await eventually("it has ended") { try await federation.show(again).status == "ERROR" }
            #expect(await tunis.census() == before)

            // The operator raises the epochs; nothing is restarted. The hub sees it within its next second.
            try await federation.top.query("SELECT compute.raise_placement_epoch()")
            let welcome = try await federation.accept(zone: "tunis")
            try await federation.areActive(welcome)
            try await federation.areActive(known)
        }
    }
}

extension SimulatedFederation {
    /// Puts the numbers of placements and one server's row back to what they were before anything was placed.
    fileprivate func rewindPlacements(forgetting server: ServerID) async throws {
        try await top.query("SELECT setval('compute.placement_epoch', 1, false)")
        try await top.query("UPDATE compute.cells SET highest_epoch = 0, ahead = false")
        try await top.query(
            """
            UPDATE compute.servers SET mapping = 'unplaced', cell = NULL, epoch = 0, host = NULL, host_zone = NULL, progress = NULL,
                done_through = 0, revision = 0, vm_state = 'building', power_state = 0, launched_at = NULL
            WHERE id = \(server)
            """)
        try await top.query(
            "UPDATE compute.server_actions SET delivery = 'pending', state = NULL, ledger = NULL WHERE server = \(server)")
    }
}
