internal import CellProtocol
internal import CloudModel
internal import Database
internal import Logging
internal import Messaging
internal import Observability

/// Notes which hosts are in contact. A host that is silent isn't scheduled to; its guests run on.
struct HostWatch: Sendable {
    let database: Database
    let memory: CellMemory
    let messenger: any Messenger
    let silentAfter: Duration
    let news: WakeUp
    let log: Logger

    /// Reads all hosts; a host that was up counts as up until it has been silent for its time, so that a conductor's restart shakes
    /// nobody.
    func load() async throws { try await memory.refresh(always: true) }

    /// Looks once. `uptime` is how long this conductor has been listening.
    func look(uptime: Duration) async throws {
        let now = Timestamp.now()
        var returned: [HostName] = []
        var lost: [HostName] = []
        for (host, isUp) in await memory.book.standings {
            let silence = messenger.contact(.host(host)) ?? uptime
            if isUp, silence > silentAfter { lost.append(host) }
            if !isUp, let contact = messenger.contact(.host(host)), contact <= silentAfter { returned.append(host) }
        }
        if !lost.isEmpty {
            try await HostStore().setUp(false, lost, at: now, in: database)
            await memory.book.setUp(false, lost)
            for host in lost { log.warning("host fell silent", metadata: [.host: "\(host)"]) }
        }
        if !returned.isEmpty {
            try await HostStore().setUp(true, returned, at: now, in: database)
            await memory.book.setUp(true, returned)
            for host in returned { log.info("host is back", metadata: [.host: "\(host)"]) }
        }
        if !lost.isEmpty || !returned.isEmpty { news.ring() }
    }
}
