import CellProtocol
import CloudModel
import Foundation
import Testing

@testable import Messaging

/// Who is there: both transports must tell it alike.
@Suite(.timeLimit(.minutes(8))) struct MessengerContactTests {
    let tunis = PeerName.cell("tunis")

    @Test(arguments: Transport.allCases) func bothSidesComeIntoContactAndNoticeSilence(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis))
            #expect(hub.contact(tunis) == nil)
            var events = hub.events(of: Set(PeerName.Role.allCases)).makeAsyncIterator()
            try hub.start()
            try cell.start()
            #expect(await events.next() == .joined(tunis))
            try await eventually("the cell sees the hub") { cell.has(hub.name) }
            let age = try #require(hub.contact(tunis))
            #expect(age < .seconds(5))
            var later = hub.events(of: Set(PeerName.Role.allCases)).makeAsyncIterator()
            #expect(await later.next() == .joined(tunis))
            cell.stop()
            #expect(await events.next() == .lost(tunis))
            try await eventually("nobody is left") { hub.peers.isEmpty }
            #expect(hub.contact(tunis) != nil)
        }
    }

    @Test(arguments: Transport.allCases, [true, false]) func aLinkCutInOneDirectionIsSilenceForBoth(
        _ transport: Transport, up: Bool
    ) async throws {
        try await transport.perform { stage in
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis))
            cell.answersEcho()
            try hub.start()
            try cell.start()
            try await eventually("contact") { hub.has(tunis) && cell.has(hub.name) }
            stage.cut(up ? tunis : hub.name, up ? hub.name : tunis, oneWay: true)
            try await eventually("silence for both") { !hub.has(tunis) && !cell.has(hub.name) }
            stage.heal()
            try await eventually("contact again") { hub.has(tunis) && cell.has(hub.name) }
            #expect(try await hub.ask(tunis) == [1, 2, 3])
        }
    }

    @Test(arguments: Transport.allCases) func aNewProcessIsReachableAtOnceUnderTheOldName(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let hub = try stage.hub()
            hub.answersEcho()
            try hub.start()
            for number in UInt8(1)...5 {
                let cell = try stage.peer(tunis)
                cell.handle("who/1", from: [.hub]) { _ in [number] }
                try cell.start()
                _ = try await cell.ask(hub.name)
                #expect(try await hub.ask(tunis, "who/1") == [number])
                cell.stop()
            }
        }
    }

    @Test(arguments: Transport.allCases) func aHubThatWasReplacedHasItsPeersBack(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let cell = try stage.peer(tunis)
            cell.answersEcho()
            try cell.start()
            for _ in 1...3 {
                let hub = try stage.hub()
                hub.answersEcho()
                var events = hub.events(of: Set(PeerName.Role.allCases)).makeAsyncIterator()
                try hub.start()
                #expect(await events.next() == .joined(tunis))
                #expect(try await hub.ask(tunis) == [1, 2, 3])
                #expect(try await cell.ask(hub.name) == [1, 2, 3])
                hub.stop()
            }
        }
    }
}
