import CellProtocol
import CloudModel
import Database
import Testing

@testable import SuperScheduler

@Suite struct PlacementStoreTests {
    @Test func ofManyPlacingsOfOneServerAtOnceOneIsAnswered() async throws {
        try await RecordsFixture.with { records async throws in
            let server = try await records.create()
            let epochs = try await records.store.epochs(12)
            let won = try await withThrowingTaskGroup(of: PlacementEpoch?.self) { group in
                for epoch in epochs {
                    let placing = records.placing(server, in: "tunis", epoch)
                    group.addTask { try await records.store.place(placing) == nil ? nil : epoch }
                }
                return try await group.reduce(into: [PlacementEpoch]()) { if let epoch = $1 { $0.append(epoch) } }
            }
            #expect(won.count == 1)
            #expect(try await records.text("epoch", of: server) == won.first.map { "\($0)" })
        }
    }

    @Test func aRefusalOfAServerBeingDeletedEndsAllThatWasAskedOfIt() async throws {
        try await RecordsFixture.with { records async throws in
            let server = try await records.create()
            let epoch = try await records.place(server, in: "tunis")
            try await records.act(.delete, on: server, number: 2)
            try await records.store.unplace(server, cell: "tunis", epoch: epoch, reason: "no room after all")
            #expect(try await records.actions(of: server) == ["settled interrupted", "settled done"])
            #expect(try await records.text("deleted_at", of: server) != nil)
            #expect(try await records.events() == ["compute.instance.delete.end"])
        }
    }

    @Test func whoWatchesHearsOfADeleteThatARefusalEnds() async throws {
        try await RecordsFixture.with { records async throws in
            let server = try await records.create()
            let epoch = try await records.place(server, in: "tunis")
            try await records.act(.delete, on: server, number: 2)
            var report = records.report(server, epoch, doneThrough: 0, .error)
            report.refused = "every host has failed"
            try await records.tell([.server(report)])
            #expect(try await records.events() == ["compute.instance.delete.end"])
            #expect(records.told.rings == 1)
        }
    }

    @Test func aServerThatWasJudgedAndThenGivenBackIsPlacedAgain() async throws {
        try await RecordsFixture.with { records async throws in
            let server = try await records.create(createdAt: .now() - .seconds(1_000))
            let epoch = try await records.place(server, in: "tunis")
            try await records.store.judgeSilent("tunis", createdBefore: .now() - .seconds(600))
            #expect(try await records.text("verdict", of: server) == "error")
            #expect(try await records.events() == ["compute.instance.create.error"])
            try await records.store.unplace(server, cell: "tunis", epoch: epoch, reason: "every host has failed")
            #expect(try await records.text("verdict", of: server) == nil)
            #expect(try await records.actions(of: server) == ["pending -"])
            #expect(try await UnplacedCreates(database: records.database).next(excluding: []).map(\.server) == [server])
        }
    }

    @Test func aRefusedActionHasFailedAndItsServerIsBusyNoMore() async throws {
        try await RecordsFixture.with { records async throws in
            let server = try await records.create()
            let epoch = try await records.place(server, in: "tunis")
            try await records.tell([.server(records.report(server, epoch, .active))])
            let stop = try await records.act(.stop, on: server, number: 2)
            try await records.store.refuse(stop, on: server, cell: "tunis", epoch: epoch, reason: "The cell doesn't have it.")
            #expect(try await records.actions(of: server).last == "settled failed")
            #expect(try await records.text("done_through", of: server) == "2")
            // The cell never heard of the stop; what it says of the server later doesn't make it busy again.
            try await records.tell([.server(records.report(server, epoch, revision: 2, .error))])
            #expect(try await records.text("done_through", of: server) == "2")
            #expect(try await records.text("vm_state", of: server) == "error")
        }
    }

    @Test func aPlacingGoesOnlyWhereTheGroupIsPinned() async throws {
        try await RecordsFixture.with { records async throws in
            let group = try await records.affinityGroup(in: "london")
            let server = try await records.create(in: group)
            let epochs = try await records.store.epochs(2)
            #expect(try await records.store.place(records.placing(server, in: "tunis", epochs[0])) == nil)
            #expect(try await records.store.place(records.placing(server, in: "london", epochs[1])) != nil)
            #expect(try await !records.store.unpin(group), "a member is placed there")
            #expect(try await records.pin(of: group) == "london")
        }
    }

    @Test func twoMembersPlacedBesideTheUnpinningStayTogether() async throws {
        try await RecordsFixture.with { records async throws in
            for _ in 0..<10 {
                let group = try await records.affinityGroup(in: "london")
                let (first, second) = (try await records.create(in: group), try await records.create(in: group))
                let epochs = try await records.store.epochs(2)
                async let one = records.store.place(records.placing(first, in: "london", epochs[0]))
                _ = try await records.store.unpin(group)
                if try await records.store.pin(group, to: "tunis") == "tunis" {
                    _ = try await records.store.place(records.placing(second, in: "tunis", epochs[1]))
                }
                _ = try await one
                let cells = try await records.database.query(
                    "SELECT DISTINCT cell FROM compute.servers WHERE group_id = \(group) AND cell IS NOT NULL")
                #expect(cells.count == 1)
            }
        }
    }

    @Test func aGroupIsUnpinnedWhenItsLastMemberGoes() async throws {
        try await RecordsFixture.with { records async throws in
            let group = try await records.affinityGroup(in: "tunis")
            let (first, second) = (try await records.create(in: group), try await records.create(in: group))
            let epoch = try await records.place(first, in: "tunis")
            let refused = try await records.place(second, in: "tunis")
            try await records.store.unplace(second, cell: "tunis", epoch: refused, reason: "no room after all")
            #expect(try await records.pin(of: group) == "tunis")
            try await records.act(.delete, on: first, number: 2)
            try await records.tell([.server(records.report(first, epoch, doneThrough: 2, .deleted))])
            #expect(try await records.pin(of: group) == nil)
        }
    }
}
