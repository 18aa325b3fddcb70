internal import CellProtocol
internal import CloudModel

/// What the conductor knows of its hosts without asking the database: what it tells the scheduler and the API cell's summary.
///
/// A copy, and allowed to be late: the claim in the database decides.
actor HostBook {
    private var hosts: [HostName: HostStore.Host] = [:]
    private var changed: Set<HostName> = []
    /// Hosts whose use has changed since the API cell was last told.
    private var unannounced: Set<HostName> = []
    /// Hosts that have spoken in the life of this process.
    private var greetings: Set<HostName> = []
    /// What hosts said they have, while the cell doubts its database.
    private(set) var sightings = Sightings()
    /// Hosts that have to tell everything again.
    private var forgotten: Set<HostName> = []
    private var nextHello = WakeUp()
    /// A transaction may have changed something that this doesn't know of.
    private(set) var doubts = 0

    /// Takes what the database has. Of hosts that have said hello meanwhile the rest is known better already. Returns those of which the
    /// database says wrongly whether they are up, by what is right.
    func load(_ all: [HostStore.Host], groups: [HostName: [String: Int]]) -> [Bool: [HostName]] {
        let differing = all.filter { host in hosts[host.name].map { $0.up != host.up } ?? false }.map(\.name)
        for host in all {
            let known = hosts[host.name]
            var now = known ?? host
            (now.used, now.enabled, now.disabledReason) = (host.used, host.enabled, host.disabledReason)
            now.groups = groups[host.name] ?? [:]
            guard now != known else { continue }
            hosts[host.name] = now
            changed.insert(host.name)
        }
        return Dictionary(grouping: differing) { hosts[$0]?.up ?? false }
    }

    func doubt() { doubts += 1 }

    /// The database was read after so many of the doubts.
    func trust(after doubts: Int) { self.doubts -= doubts }

    func put(_ host: HostStore.Host) {
        var host = host
        host.groups = hosts[host.name]?.groups ?? [:]
        hosts[host.name] = host
        changed.insert(host.name)
    }

    /// The host has said what it has. Kept only while the cell doubts its database: hosts of a working cell are given new orders.
    func greeted(_ host: HostName, _ hello: HostHello, isWorking: Bool) {
        forgotten.remove(host)
        greetings.insert(host)
        if !isWorking { sightings.note(hello, from: host) }
        nextHello.ring()
    }

    /// What hosts said before they were given orders counts no more: they have to say it again.
    func forgetSightings() {
        sightings = Sightings()
        forgotten = Set(hosts.keys)
    }

    /// The records were written anew: what hosts reported before is not in them. Returns whom to wake.
    func forgetReports() -> Set<HostName> {
        forgotten = Set(hosts.keys)
        return forgotten
    }

    /// They have to tell everything again.
    func forget(_ hosts: Set<HostName>) { forgotten.formUnion(hosts) }

    func hasForgotten(_ host: HostName) -> Bool { forgotten.contains(host) }

    /// Waits until these hosts have said what they have. Returns those that have not.
    func waitForSightings(of expected: Set<HostName>, atMost limit: Duration) async -> Set<HostName> {
        let end = ContinuousClock.now + limit
        while !expected.isSubset(of: sightings.hosts), ContinuousClock.now < end, !Task.isCancelled {
            nextHello = WakeUp()
            await nextHello.wait(atMost: end - .now)
        }
        return expected.subtracting(sightings.hosts)
    }

    /// Whether a host that counts as up has yet to say, in the life of this process, what it has.
    var hasUnheardHosts: Bool { !up.isSubset(of: greetings) }

    /// Hosts that count as up.
    var up: Set<HostName> { Set(hosts.values.filter(\.up).map(\.name)) }

    func setUp(_ up: Bool, _ names: some Sequence<HostName>) {
        for name in names where hosts[name] != nil && hosts[name]?.up != up {
            hosts[name]?.up = up
            changed.insert(name)
        }
    }

    func setEnabled(_ standing: HostStanding) {
        guard hosts[standing.host] != nil else { return }
        hosts[standing.host]?.enabled = standing.enabled
        hosts[standing.host]?.disabledReason = standing.reason
        changed.insert(standing.host)
    }

    /// What a transaction has changed of the hosts, after it was committed.
    func apply(_ change: ClaimStore.Change) {
        for (name, used) in change.used where hosts[name] != nil {
            hosts[name]?.used = used
            changed.insert(name)
            unannounced.insert(name)
        }
        for (member, difference) in change.members where difference != 0 && hosts[member.host] != nil {
            let group = member.group.description
            let count = (hosts[member.host]?.groups[group] ?? 0) + difference
            hosts[member.host]?.groups[group] = count > 0 ? count : nil
            changed.insert(member.host)
        }
    }

    /// What has changed since the last call.
    func takeChanges(whole: Bool) -> [HostState] {
        defer { changed = [] }
        return whole ? hosts.values.map(\.state) : changed.compactMap { hosts[$0]?.state }
    }

    func takeUnannounced() -> [HostName] {
        defer { unannounced = [] }
        return unannounced.sorted()
    }

    /// They could not be told.
    func putBack(unannounced hosts: [HostName]) { unannounced.formUnion(hosts) }

    /// Names and whether they count as up.
    var standings: [HostName: Bool] { hosts.mapValues(\.up) }

    func zone(of host: HostName) -> ZoneName? { hosts[host]?.inventory.zone }

    /// What the hosts offer, as the API cell is told it.
    var summarized: SummarizedHosts { SummarizedHosts(hosts.values) }

    func summary(state: CellSummary.State, weight: Double) -> CellSummary {
        CellSummary(state: state, zones: summarized.zones, weight: weight)
    }
}
