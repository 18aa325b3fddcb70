import CellProtocol
import CloudModel
import Logging
import Messaging
import RegionConfig
import Scheduler
import Testing

/// The scheduler as the conductor meets it: it answers only over a picture it knows to be whole.
@Suite(.timeLimit(.minutes(3))) struct HostStatesTests {
    private func with(_ body: (@escaping @Sendable (HostStates) async throws -> RankHosts.Reply) async throws -> Void)
        async throws
    {
        let network = MemoryNetwork(seed: 1)
        let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let scheduler = network.messenger(.scheduler("tunis"), dialling: [.cell("tunis")], logger: log)
        SchedulerService(selection: HostSelection(.simple), logger: log).register(on: scheduler)
        let conductor = network.messenger(.cell("tunis"), logger: log)
        scheduler.start()
        conductor.start()
        defer {
            scheduler.stop()
            conductor.stop()
        }
        while conductor.contact(.scheduler("tunis")) == nil { try await Task.sleep(for: .milliseconds(5)) }
        try await body { states in
            try await conductor.call(
                RankHosts(states: states, requests: [request()]), to: .scheduler("tunis"), timeout: .seconds(5))
        }
    }

    @Test func changesAreAddedToTheWhole() async throws {
        try await with { ask in
            let first = try await ask(
                HostStates(number: 1, isWhole: true, hosts: [host("a", free: 600), host("b", free: 500)]))
            #expect(first.isCurrent)
            #expect(first.eliminations.first?.ranked == ["a", "b"])
            let second = try await ask(HostStates(number: 2, isWhole: false, hosts: [host("a", free: 400)]))
            #expect(second.eliminations.first?.ranked == ["b", "a"])
            #expect(try await ask(HostStates(number: 3, isWhole: false, hosts: [])).eliminations.first?.considered == 2)
        }
    }

    @Test func aGapMakesItAskForAllHosts() async throws {
        try await with { ask in
            #expect(try await !ask(HostStates(number: 1, isWhole: false, hosts: [host("a")])).isCurrent, "it is new")
            _ = try await ask(HostStates(number: 5, isWhole: true, hosts: [host("a")]))
            #expect(try await !ask(HostStates(number: 7, isWhole: false, hosts: [host("b")])).isCurrent)
            #expect(try await !ask(HostStates(number: 8, isWhole: false, hosts: [])).isCurrent, "still in the dark")
            let whole = try await ask(HostStates(number: 9, isWhole: true, hosts: [host("b")]))
            #expect(whole.isCurrent)
            #expect(whole.eliminations.first?.ranked == ["b"], "hosts that are gone are forgotten")
        }
    }

    @Test(arguments: Scheduling.Policy.allCases) func everyPolicyOfARegionFileIsBuilt(policy: Scheduling.Policy) throws {
        let selection = try HostSelection(Scheduling(policy: policy, seed: 4))
        #expect(selection.rank(request(), among: [host("a"), host("b")]).ranked.sorted() == ["a", "b"])
    }

    @Test func aSoftGroupCountsInEveryFilteredRegion() throws {
        let soft = group(.softAffinity)
        let selection = try HostSelection(Scheduling(policy: .filter))
        let hosts = [host("a"), host("b", groups: [soft.id.description: 1])]
        #expect(selection.rank(request(group: soft), among: hosts).ranked == ["b", "a"])
        let without = [host("a"), host("b")]
        #expect(selection.rank(request(), among: hosts).ranked == selection.rank(request(), among: without).ranked)
    }
}
