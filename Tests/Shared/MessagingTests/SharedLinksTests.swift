import CellProtocol
import CloudModel
import Testing

@testable import Messaging

/// Which host is behind which simulator, as a value.
@Suite struct SharedLinksTests {
    private let simulator = PeerName.simulator("sim", of: "tunis")
    private let hosts = (1...3).map { PeerName.host(HostName("sim-\($0).tunis")) }
    private let noon = BootInstant(nanoseconds: 12)

    @Test func aHostIsReachedOverTheLinkThatSpokeForIt() {
        var links = SharedLinks(limit: 10)
        #expect(links.link(of: hosts[0]) == nil)
        #expect(links.heard(hosts[0], over: simulator) == .new)
        #expect(links.heard(hosts[0], over: simulator) == .known)
        #expect(links.link(of: hosts[0]) == simulator)
        #expect(links.link(of: hosts[1]) == nil)
    }

    @Test func aHostIsInContactWithTheProcessThatSpeaksForIt() {
        var links = SharedLinks(limit: 10)
        _ = links.heard(hosts[0], over: simulator)
        #expect(links.met(1, of: simulator, lastContact: nil)?.present == [hosts[0]], "it spoke before the first heartbeat")
        _ = links.heard(hosts[1], over: simulator)
        #expect(links.met(1, of: simulator, lastContact: noon) == nil)
        #expect(links.lastContact(hosts[1]) { _ in noon } == noon)

        let change = links.met(2, of: simulator, lastContact: noon)
        #expect(change.map { Set($0.left) } == [hosts[0], hosts[1]])
        #expect(change?.present == [])
        let later = BootInstant(nanoseconds: 13)
        #expect(links.heard(hosts[1], over: simulator) == .new)
        #expect(links.lastContact(hosts[0]) { _ in later } == noon, "the new process hasn't spoken for it")
        #expect(links.lastContact(hosts[1]) { _ in later } == later)
        #expect(links.lastContact(hosts[2]) { _ in later } == nil)
        #expect(links.present(on: simulator) == [hosts[1]])
        #expect(links.link(of: hosts[0]) == simulator, "it may still be there: the process will say")
    }

    @Test func aProcessThatReturnsHasItsHostsBack() {
        var links = SharedLinks(limit: 10)
        _ = links.met(1, of: simulator, lastContact: nil)
        _ = links.heard(hosts[0], over: simulator)
        _ = links.met(2, of: simulator, lastContact: noon)
        #expect(links.met(1, of: simulator, lastContact: noon)?.present == [hosts[0]])
    }

    @Test func aLinkHasALimitedNumberOfHosts() {
        var links = SharedLinks(limit: 2)
        for host in hosts[...1] { #expect(links.heard(host, over: simulator) == .new) }
        #expect(links.heard(hosts[2], over: simulator) == .tooMany)
        #expect(links.heard(hosts[1], over: simulator) == .known)
        links.forget(hosts[0])
        #expect(links.heard(hosts[2], over: simulator) == .new)
        #expect(links.link(of: hosts[0]) == nil)
    }

    @Test func hostsOfAnEarlierProcessMakeRoom() {
        var links = SharedLinks(limit: 2)
        _ = links.met(1, of: simulator, lastContact: nil)
        for host in hosts[...1] { #expect(links.heard(host, over: simulator) == .new) }
        _ = links.met(2, of: simulator, lastContact: noon)
        #expect(links.heard(hosts[1], over: simulator) == .new)
        #expect(links.heard(hosts[2], over: simulator) == .new)
        #expect(links.link(of: hosts[0]) == nil)
        #expect(links.heard(hosts[0], over: simulator) == .tooMany, "these are the present process's")
        #expect(Set(links.present(on: simulator)) == [hosts[1], hosts[2]])
    }
}
