import CloudModel

/// Who has locked a server: its own project, or an administrator beside it.
enum LockOwner: String, Sendable { case owner, admin }

/// `lock` and `unlock`. A lock holds back whoever isn't an administrator; what an administrator has locked only an administrator unlocks.
struct LockServer: Sendable {
    let store: ServerStore

    /// Its own project's second lock changes nothing; an administrator takes a lock over.
    func lock(_ id: ServerID, for request: NovaRequest) async throws {
        let server = try await ShowServer(store: store).find(id, for: request)
        let owner = Self.owner(of: server, request)
        guard !server.locked || owner == .admin else { return }
        try await store.lock(id, by: owner, at: request.received)
    }

    func unlock(_ id: ServerID, for request: NovaRequest) async throws {
        let server = try await ShowServer(store: store).find(id, for: request)
        if let lockedBy = server.lockedBy, lockedBy != Self.owner(of: server, request) {
            try request.enforce("os_compute_api:os-lock-server:unlock:unlock_override")
        }
        try await store.unlock(id, lockedBy: server.lockedBy, at: request.received)
    }

    private static func owner(of server: ServerRecord, _ request: NovaRequest) -> LockOwner {
        server.project == request.project ? .owner : .admin
    }
}

extension ServerRecord {
    /// Nova lets what belongs to a server be changed while there is one, up or stopped; not by those whom its lock holds back.
    func mayBeChanged(_ action: String, by request: NovaRequest) throws(CloudError) {
        if locked, request.reach.respectsLock { throw ServerErrors.locked(id) }
        switch standing.shownVMState {
        case .active, .stopped: return
        case .building, .error, .deleted: throw ServerErrors.wrongVMState(action, id, standing.shownVMState)
        }
    }
}
