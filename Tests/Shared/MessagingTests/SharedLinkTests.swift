import CellProtocol
import CloudModel
import Foundation
import Testing

@testable import Messaging

/// Many simulated hosts over one link: both transports must do it alike.
@Suite(.timeLimit(.minutes(8))) struct SharedLinkTests {
    private let simulatorName = PeerName.simulator("sim", of: "tunis")

    private func host(_ number: Int) -> PeerName { .host(HostName("sim-\(number).tunis")) }

    /// A hub that takes nobody for lost while the machine is merely slow.
    private func patientHub(_ stage: any Fixture) throws -> any TestedMessenger {
        var limits = MessagingLimits()
        limits.silentAfter = 30
        return try stage.hub(limits: limits)
    }

    /// Who is there, by a messenger's events. Begun before anybody joins it misses none, in whatever order they come.
    private struct Presence {
        private var events: AsyncStream<PeerEvent>.AsyncIterator
        private var names: Set<PeerName> = []
        /// Everybody who ever joined.
        private(set) var told: Set<PeerName> = []

        init(_ events: AsyncStream<PeerEvent>) { self.events = events.makeAsyncIterator() }

        /// False: the events ended before it was so.
        mutating func becomes(_ expected: Set<PeerName>) async -> Bool {
            while names != expected {
                switch await events.next() {
                case .joined(let peer):
                    names.insert(peer)
                    told.insert(peer)
                case .lost(let peer):
                    names.remove(peer)
                case nil:
                    return false
                }
            }
            return true
        }
    }

    /// A simulator whose hosts answer `who/1` with their number.
    private func simulator(_ stage: any Fixture, hosts numbers: ClosedRange<Int>) throws -> [LinkMember] {
        let messenger = try stage.peer(simulatorName)
        let members = numbers.map { number in
            let member = messenger.member(host(number))
            member.handle("who/1", from: [.cell]) { _ in [UInt8(number)] }
            return member
        }
        try messenger.start()
        return members
    }

    @Test(arguments: Transport.allCases) func manyHostsOverOneLinkAreEachReachableUnderTheirNames(
        _ transport: Transport
    ) async throws {
        try await transport.sharingLinks { stage in
            let cell = try stage.hub()
            let seen = Notes<PeerName>()
            cell.handle("look/1", from: [.host]) { message in
                seen.add(message.from)
                return Array(message.from.name.utf8)
            }
            try cell.start()
            let messenger = try stage.peer(simulatorName)
            let told = Notes<PeerName>()
            let hosts = (1...200).map { messenger.member(host($0)) }
            for host in hosts {
                host.handle("who/1", from: [.cell]) { _ in Array(host.name.name.utf8) }
                host.handle("wake/1", from: [.cell]) { _ in
                    told.add(host.name)
                    return []
                }
            }
            try messenger.start()
            for host in hosts { #expect(try await host.ask(cell.name, "look/1") == Array(host.name.name.utf8)) }
            #expect(seen.all == hosts.map(\.name))
            for host in hosts { #expect(try await cell.ask(host.name, "who/1") == Array(host.name.name.utf8)) }
            for host in hosts { cell.tell(host.name, "wake/1") }
            try await eventually("each is woken, in order") { told.all == hosts.map(\.name) }

            try await eventually("all are in contact") { cell.peers.count == 201 }
            #expect(try #require(cell.contact(host(200))) < .seconds(60))
            #expect(hosts[0].has(cell.name))
            if transport == .zeroMQ { #expect(cell.counters.admitted == 2, "one connection on each lane") }
        }
    }

    @Test(arguments: Transport.allCases) func aLinkThatWasCutHasAllItsHostsBackAtOnce(_ transport: Transport) async throws {
        try await transport.sharingLinks { stage in
            let cell = try patientHub(stage)
            cell.answersEcho()
            var presence = Presence(cell.events(of: Set(PeerName.Role.allCases)))
            try cell.start()
            let hosts = try simulator(stage, hosts: 1...20)
            for host in hosts { _ = try await host.ask(cell.name) }
            #expect(await presence.becomes(Set(hosts.map(\.name) + [simulatorName])))

            stage.cut(simulatorName, cell.name, oneWay: false)
            #expect(await presence.becomes([]))
            #expect(cell.peers.isEmpty)
            #expect(cell.contact(hosts[0].name) != nil)

            stage.heal()
            try await eventually("contact again") { cell.peers.count == 21 }
            // None of them has spoken since.
            for (index, host) in hosts.enumerated() { #expect(try await cell.ask(host.name, "who/1") == [UInt8(index + 1)]) }
        }
    }

    @Test(arguments: Transport.allCases) func aSimulatorStartedAnewIsReachableAtOnceAndOnlyWithTheHostsItHas(
        _ transport: Transport
    ) async throws {
        try await transport.sharingLinks { stage in
            let cell = try stage.hub()
            cell.answersEcho()
            try cell.start()
            for hosts in [1...20, 1...10, 5...30] {
                let messenger = try stage.peer(simulatorName)
                let members = hosts.map { messenger.member(host($0)) }
                for member in members { member.handle("who/1", from: [.cell]) { _ in [UInt8(hosts.upperBound)] } }
                try messenger.start()
                for member in members {
                    _ = try await member.ask(cell.name)
                    #expect(try await cell.ask(member.name, "who/1") == [UInt8(hosts.upperBound)])
                }
                // Those that spoke before the new process was known by its heartbeat have to speak once more, as hosts do when they join.
                try await eventually("contact") { members[0].has(cell.name) }
                for member in members { _ = try await member.ask(cell.name) }
                let expected = Set(members.map(\.name) + [simulatorName])
                try await eventually("those are in contact") { Set(cell.peers.map(\.peer)) == expected }
                messenger.stop()
            }
            #expect(cell.contact(host(1)) != nil, "what was is remembered")
            #expect(cell.contact(host(31)) == nil)
        }
    }

    @Test(arguments: Transport.allCases) func aNameThatIsNotTheSimulatorsIsRefusedAndBreaksNothing(
        _ transport: Transport
    ) async throws {
        try await transport.sharingLinks { stage in
            try stage.enrols(host(7))
            let cell = try stage.hub()
            let seen = Notes<PeerName>()
            cell.handle("look/1", from: Set(PeerName.Role.allCases)) { message in
                seen.add(message.from)
                return []
            }
            try cell.start()
            let messenger = try stage.peer(simulatorName)
            let honest = messenger.member(host(1))
            honest.handle("who/1", from: [.cell]) { _ in [1] }
            try messenger.start()
            _ = try await honest.ask(cell.name, "look/1")

            let claims = [
                // another region's, another simulator's, no simulator's, one with a key of its own, and other roles
                "host:sim-1.london", "host:lab-1.tunis", "host:sim-1-1.tunis", "host:sim-x.tunis", "host:compute-1.tunis",
                host(7).description, "cell:tunis", "scheduler:tunis", "hub:top", "simulator:sim.tunis",
            ].compactMap { PeerName($0) }
            for (index, claimed) in claims.enumerated() {
                await #expect(throws: MessagingError.refused(.forbidden, "simulator:sim.tunis may not speak for \(claimed).")) {
                    _ = try await messenger.member(claimed).ask(cell.name, "look/1")
                }
                messenger.member(claimed).tell(cell.name, "look/1")
                try await eventually("counted") { cell.counters.claimedNames == 2 * (index + 1) }
            }
            #expect(seen.all == [host(1)])
            #expect(!cell.has(host(7)))
            await #expect(throws: MessagingError.unreachable(host(7))) { _ = try await cell.ask(host(7), "who/1") }
            #expect(try await cell.ask(host(1), "who/1") == [1])
        }
    }

    @Test(arguments: Transport.allCases) func aHostThatGetsAKeyOfItsOwnHasItsNameForItself(_ transport: Transport) async throws
    {
        try await transport.sharingLinks { stage in
            let cell = try patientHub(stage)
            cell.answersEcho()
            var presence = Presence(cell.events(of: [.host]))
            try cell.start()
            let hosts = try simulator(stage, hosts: 1...2)
            for host in hosts { _ = try await host.ask(cell.name) }
            #expect(try await cell.ask(host(1), "who/1") == [1])
            try await eventually("all are in contact") { cell.peers.count == 3 }
            #expect(await presence.becomes([host(1), host(2)]))

            try stage.enrols(host(1))
            try await eventually("the simulator may not speak for it any more") {
                do {
                    _ = try await hosts[0].ask(cell.name)
                    return false
                } catch MessagingError.refused(.forbidden, _) { return true }
            }
            #expect(await presence.becomes([host(2)]))
            #expect(!cell.has(host(1)) && cell.has(host(2)), "nobody answers for it now")
            await #expect(throws: MessagingError.unreachable(host(1))) { _ = try await cell.ask(host(1), "who/1") }
            let own = try stage.peer(host(1))
            own.handle("who/1", from: [.cell]) { _ in [77] }
            try own.start()
            _ = try await own.ask(cell.name)
            #expect(try await cell.ask(host(1), "who/1") == [77])
            await #expect(throws: MessagingError.self) { _ = try await hosts[0].ask(cell.name) }
            #expect(try await cell.ask(host(1), "who/1") == [77])
            #expect(try await cell.ask(host(2), "who/1") == [2])
        }
    }

    @Test(arguments: Transport.allCases) func aLinkThatIsFullSaysSo(_ transport: Transport) async throws {
        try await transport.sharingLinks { stage in
            var limits = MessagingLimits()
            limits.hostsOfOneLink = 2
            let cell = try stage.hub(limits: limits)
            cell.answersEcho()
            try cell.start()
            let hosts = try simulator(stage, hosts: 1...3)
            for host in hosts[...1] { _ = try await host.ask(cell.name) }
            let sentence = "simulator:sim.tunis speaks for 2 hosts already; a link has no more."
            await #expect(throws: MessagingError.refused(.overQuota, sentence)) { _ = try await hosts[2].ask(cell.name) }
            _ = try await hosts[1].ask(cell.name)
        }
    }

    @Test(arguments: Transport.allCases) func whoAsksForOtherRolesIsNotToldOfHosts(_ transport: Transport) async throws {
        try await transport.sharingLinks { stage in
            let cell = try patientHub(stage)
            cell.answersEcho()
            try cell.start()
            var early = Presence(cell.events(of: [.simulator]))
            let hosts = try simulator(stage, hosts: 1...20)
            for host in hosts { _ = try await host.ask(cell.name) }
            try await eventually("contact") { cell.peers.count == 21 }
            var late = Presence(cell.events(of: [.simulator]))
            #expect(await early.becomes([simulatorName]))
            #expect(await late.becomes([simulatorName]))
            stage.cut(simulatorName, cell.name, oneWay: false)
            #expect(await early.becomes([]))
            #expect(await late.becomes([]))
            #expect(early.told == [simulatorName] && late.told == [simulatorName])
        }
    }

    @Test(arguments: Transport.allCases) func whoWasNotToldToTakesNoSimulator(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let hub = try stage.hub()
            hub.answersEcho()
            try hub.start()
            let messenger = try stage.peer(simulatorName)
            try messenger.start()
            await #expect(throws: (any Error).self) {
                _ = try await messenger.member(host(1)).ask(hub.name, timeout: .milliseconds(500))
            }
            try await eventually("counted") { hub.counters.claimedNames > 0 }
            #expect(hub.counters.answered == (transport == .memory ? 1 : 0), "a stranger's connection hears nothing")
            #expect(hub.contact(host(1)) == nil)
        }
    }

    @Test func theTwinsCopiesAreKnownAgainByHost() async throws {
        var faults = Faults()
        faults.duplication = 1
        faults.lateness = .milliseconds(5)
        try await withFolder { folder in
            let network = MemoryNetwork(seed: 5, faults: faults)
            let cell = network.messenger(.cell("tunis"), sharedLinks: Enrolment(directory: folder))
            let messenger = network.messenger(simulatorName, dialling: [cell.name])
            let runs = Notes<PeerName>()
            cell.handle("once/1", from: [.host]) { message in
                runs.add(message.from)
                return [1]
            }
            cell.start()
            messenger.start()
            for number in 1...50 { #expect(try await messenger.member(host(number)).ask(cell.name, "once/1") == [1]) }
            try await eventually("every copy is met") { cell.counters.duplicates == 50 }
            #expect(runs.all == (1...50).map(host))
        }
    }

    @Test func aHostCannotSpeakForAnother() async throws {
        let stage = try ZeroMQFixture(hub: .cell("tunis"), sharedLinks: true)
        defer { stage.stop() }
        let cell = try stage.hub()
        cell.answersEcho()
        try cell.start()
        let villain = try RawPeer(stage.directControl, keys: try stage.enrol(host(1)), serverKey: stage.hubKeys.publicKey)
        let claim = Envelope(
            .call, lane: .control, id: 1, milliseconds: 5_000, kind: "echo/1", member: host(2), body: [9])
        villain.send(claim.encoded() ?? [])
        let answer = try #require(try await villain.answer())
        let refusal = try answer.withUnsafeBytes { try Envelope(reading: $0, on: .control) }
        #expect(refusal.type == .error)
        #expect(cell.counters.claimedNames == 1)
        #expect(cell.contact(host(2)) == nil)
    }
}
