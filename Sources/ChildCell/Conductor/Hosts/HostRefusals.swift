internal import CellProtocol
internal import CloudModel
internal import Logging
internal import Observability

/// Refuses what a host says of itself and can't be true: for that host alone, counted, and logged at most once in a while for each.
final class HostRefusals: Sendable {
    /// A host gone wrong repeats itself several times a second. More often would fill the disk; more rarely would hide that it goes on.
    private static let logEvery = Duration.seconds(10)

    private let log: Logger
    private let counter = MetricsRegistry.shared.counter("meridian_cell_host_statements_refused_total")
    private let told = Lock<[HostName: ContinuousClock.Instant]>([:])

    init(log: Logger) { self.log = log }

    /// A host's hello as it may be stored. Throws what the host is told.
    func checked(_ hello: HostHello, from host: HostName) throws -> HostHello {
        do throws(Unbelievable) {
            return try hello.checked(at: .now())
        } catch {
            refused(error, of: host)
            throw CloudError(.badRequest, "The cell doesn't believe what this host says of itself: \(error).")
        }
    }

    /// The observations that may be stored. The others are dropped, so that the host doesn't repeat them before all that it has to say.
    func checked(_ observations: [Observation], from host: HostName) -> [Observation] {
        let now = Timestamp.now()
        return observations.compactMap { observation in
            do throws(Unbelievable) {
                return try observation.checked(at: now)
            } catch {
                refused(error, of: host)
                return nil
            }
        }
    }

    private func refused(_ error: Unbelievable, of host: HostName) {
        counter.increment()
        let isNews = told.withLock { told in
            let now = ContinuousClock.now
            if let last = told[host], now - last < Self.logEvery { return false }
            told[host] = now
            return true
        }
        guard isNews else { return }
        log.error("a host says what can't be true", metadata: [.host: "\(host)", .reason: "\(error)"])
    }
}
