internal import CellProtocol
internal import CloudModel
internal import Database

/// Takes what hosts see. Reports that come together share a transaction; each is acknowledged when it is stored.
struct TakeReports: Sendable {
    struct Report: Sendable {
        let host: HostName
        let observations: [Observation]
    }

    /// A report waits so long for those of hosts that were given their work together. The host goes on meanwhile; longer delays ACTIVE.
    private static let gathering = Duration.milliseconds(10)

    private let store: Batcher<Report, Done>

    init(changes: ServerChanges, doubt: DoubtDatabase) {
        store = Batcher(
            largest: 200, gathering: Self.gathering, mayBeOnes: { ($0 as? DatabaseError)?.isConnectionLoss != true }
        ) { reports in
            let seen = reports.flatMap { report in report.observations.map { (report.host, $0) } }
            let ahead = try await changes(Set(seen.map(\.1.server))) { draft, _ -> HostName? in
                let now = Timestamp.now()
                var ahead: HostName?
                for (host, observation) in seen {
                    draft.change(observation.server) { record in
                        if record.isBehind(observation, from: host) { ahead = host }
                        return record.take(observation, from: host, at: now)
                    }
                }
                return ahead
            }
            if let ahead { try await doubt("\(ahead) has carried out an order that this database lacks.", saidBy: ahead) }
            return reports.map { _ in Done() }
        }
    }

    func callAsFunction(_ observations: [Observation], from host: HostName) async throws {
        guard !observations.isEmpty else { return }
        _ = try await store(Report(host: host, observations: observations))
    }
}
