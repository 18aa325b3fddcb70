import CellProtocol
import CloudModel

@testable import Conductor

/// A scheduler that fills one host after the other, in the order of their names. The first lists are ranked on one picture: none is
/// answered before so many have come, as when two messages are under way.
actor PackingScheduler {
    private let book: HostBook
    private let together: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private(set) var rankings = 0

    init(_ book: HostBook, together: Int) {
        self.book = book
        self.together = together
    }

    nonisolated var rank: Batcher<[RankHosts.Request], [Elimination]> {
        Batcher(largest: 1, parallel: 4) { lists in
            var answers: [[Elimination]] = []
            for list in lists { answers.append(await self.rank(list)) }
            return answers
        }
    }

    private func rank(_ requests: [RankHosts.Request]) async -> [Elimination] {
        let hosts = await book.takeChanges(whole: true).sorted { $0.name < $1.name }
        rankings += 1
        if rankings < together {
            await withCheckedContinuation { waiting.append($0) }
        } else {
            for one in waiting { one.resume() }
            waiting = []
        }
        return Self.rank(requests, among: hosts)
    }

    private static func rank(_ requests: [RankHosts.Request], among states: [HostState]) -> [Elimination] {
        var hosts = states
        return requests.map { request in
            let group = request.spec.group
            let members = hosts.filter { host in group.map { host.groups[$0.id.description] != nil } ?? false }.map(\.name)
            var elimination = Elimination(considered: hosts.count)
            for host in hosts {
                if !request.spec.flavor.size.fits(in: host.free) {
                    elimination.removed["memory", default: 0] += 1
                } else if group?.policy == .antiAffinity, members.contains(host.name) {
                    elimination.removed["anti_affinity", default: 0] += 1
                } else if group?.policy == .affinity, !members.isEmpty, !members.contains(host.name) {
                    elimination.removed["affinity", default: 0] += 1
                } else if elimination.ranked.count < PlacementLedger.examplesKept {
                    elimination.ranked.append(host.name)
                }
            }
            if let best = hosts.firstIndex(where: { $0.name == elimination.ranked.first }) {
                hosts[best].used = hosts[best].used + request.spec.flavor.size
                if let group { hosts[best].groups[group.id.description, default: 0] += 1 }
            }
            return elimination
        }
    }
}
