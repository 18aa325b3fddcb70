import CellProtocol
import CloudModel
import Logging
import Messaging
import Synchronization

/// A conductor for one host that keeps its orders in a table and remembers what it was told.
final class FakeConductor: Sendable {
    private struct State {
        var orders: [ServerID: WorkOrder] = [:]
        var seen: [ServerID: Observation] = [:]
        var steps: [ServerID: [TraceStep]] = [:]
        var hellos: [HostHello] = []
        var reports = 0
        var refusals = 0
        var pages = 0
    }

    private let state = Mutex(State())
    let messenger: MemoryMessenger
    let host: PeerName

    init(_ network: MemoryNetwork, host: HostName, cell: CellName = "tunis") {
        self.host = .host(host)
        messenger = network.messenger(.cell(cell), logger: .silent)
        messenger.on(HostHello.self, from: [.host]) { [self] hello, _ in
            state.withLock { $0.hellos.append(hello) }
            return .init(reconcileMilliseconds: 200)
        }
        messenger.on(AskForWork.self, from: [.host]) { [self] question, _ in
            state.withLock { state in
                let digest = WorkDigest(state.orders.values)
                guard question.digest != digest, let bytes = question.bytes else {
                    return AssignedWork(digest: digest, orders: question.digest == digest ? nil : Array(state.orders.values))
                }
                if question.after != nil { state.pages += 1 }
                return AssignedWork(
                    digest: digest, pageOf: Array(state.orders.values), after: question.after, atMost: bytes)
            }
        }
        messenger.on(ReportWork.self, from: [.host]) { [self] report, _ in
            try state.withLock { state in
                guard state.refusals == 0 else {
                    state.refusals -= 1
                    throw CloudError(.unavailable, "The database is away.")
                }
                state.reports += 1
                for observation in report.observations {
                    state.seen[observation.server] = observation
                    state.steps[observation.server, default: []] += observation.steps
                }
                return Done()
            }
        }
        messenger.start()
    }

    func order(_ order: WorkOrder) { self.order([order]) }

    func order(_ orders: [WorkOrder]) {
        state.withLock { state in for order in orders { state.orders[order.server] = order } }
        messenger.cast(WakeHost(), to: host)
    }

    func forget(_ server: ServerID) {
        _ = state.withLock { $0.orders.removeValue(forKey: server) }
        messenger.cast(WakeHost(), to: host)
    }

    func refuseReports(_ count: Int) { state.withLock { $0.refusals = count } }
    func seen(_ server: ServerID) -> Observation? { state.withLock { $0.seen[server] } }
    func steps(_ server: ServerID) -> [TraceStep] { state.withLock { $0.steps[server] ?? [] } }
    var hellos: [HostHello] { state.withLock { $0.hellos } }
    /// Pages of orders after the first.
    var pages: Int { state.withLock { $0.pages } }
    var reports: Int { state.withLock { $0.reports } }

    func console(_ server: ServerID) async throws -> String {
        try await messenger.call(
            GetConsoleOutput(server: server, cell: "tunis", lines: nil), to: host, timeout: .seconds(5)
        ).output
    }

    /// Waits until what is seen of a server is so.
    func wait(
        for server: ServerID, within limit: Duration = .seconds(20), until isSo: (Observation) -> Bool
    ) async throws -> Observation {
        try await eventually(within: limit) {
            if let seen = seen(server), isSo(seen) { seen } else { nil }
        }
    }
}

struct TookTooLong: Error {}

/// Polls until `look` finds something.
func eventually<Found>(within limit: Duration = .seconds(20), _ look: () async throws -> Found?) async throws -> Found {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if let found = try await look() { return found }
        try await Task.sleep(for: .milliseconds(5))
    }
    throw TookTooLong()
}

extension Logger {
    /// Peers come and go all the time here.
    static var silent: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }
}
