internal import CellProtocol
internal import CloudModel
package import Logging
package import Messaging

/// The scheduler of a child cell: ranks hosts over the states that the conductor pushes. It holds no credentials and nothing that
/// is lost with it, so it may be killed and replaced at will: a new one lacks the states, says so, and gets them.
package final class SchedulerService: Sendable {
    private let selection: HostSelection
    private let book = HostStatesBook()
    private let log: Logger

    package init(selection: HostSelection, logger: Logger) {
        self.selection = selection
        log = logger
    }

    /// Answers the conductor of its cell.
    package func register(on messenger: any Messenger) {
        messenger.on(RankHosts.self, from: [.cell]) { [book, selection] question, _ in
            guard let hosts = await book.take(question.states) else {
                return RankHosts.Reply(isCurrent: false, eliminations: [])
            }
            return RankHosts.Reply(isCurrent: true, eliminations: selection.rank(question.requests, among: hosts))
        }
    }
}

/// The host states as last told.
actor HostStatesBook {
    private var number: Int64?
    private var hosts: [String: HostState] = [:]

    /// Takes what has changed and returns all hosts in the order of their names; nil if something before it was missed.
    func take(_ states: HostStates) -> [HostState]? {
        if states.isWhole {
            hosts = [:]
        } else if number == nil || number != states.number - 1 {
            number = nil
            return nil
        }
        for host in states.hosts { hosts[host.name.rawValue] = host }
        number = states.number
        return hosts.values.sorted { $0.name < $1.name }
    }
}
