import CloudModel

/// Accepts reboot, start and stop: an intent each, carried out by the server's cell.
struct PerformAction: Sendable {
    let store: ActionStore
    let signal: any IntentSignal
    let intentDeadline: Duration

    func callAsFunction(_ verb: Verb, hardReboot: Bool = false, on server: ServerID, by request: NovaRequest) async throws {
        let action = NewAction(
            verb, by: (request.project, request.user), request: request.id, hardReboot: hardReboot,
            startWithin: intentDeadline, at: request.received)
        switch try await store.accept(action, on: server, within: request.reach) {
        case .accepted: signal.newIntents()
        case .notFound: throw ServerErrors.notFound(server.description)
        case .locked: throw ServerErrors.locked(server)
        case .notReady: throw ServerErrors.notReady(server)
        case .refused(let standing): throw ServerErrors.wrongState(verb.rawValue, server, standing)
        }
    }
}

/// Deletes a server: 204 whether it is gone already or its cell still has to do it, and 204 again when it is asked twice.
struct DeleteServer: Sendable {
    let store: ActionStore
    let signal: any IntentSignal

    func callAsFunction(_ server: ServerID, by request: NovaRequest) async throws {
        let action = NewAction(.delete, by: (request.project, request.user), request: request.id, at: request.received)
        switch try await store.delete(server, action, within: request.reach) {
        case .gone, .already: break
        case .ordered: signal.newIntents()
        case .notFound: throw ServerErrors.notFound(server.description)
        case .locked: throw ServerErrors.locked(server)
        }
    }
}

/// Nova's sentences about servers.
enum ServerErrors {
    static func notFound(_ id: String) -> CloudError { CloudError(.notFound, notFoundMessage(id)) }
    static func notFoundMessage(_ id: String) -> String { "Instance \(id) could not be found." }
    static func notReady(_ id: ServerID) -> CloudError { CloudError(.conflict, "Instance \(id) is not ready") }
    static func locked(_ id: ServerID) -> CloudError { CloudError(.conflict, "Instance \(id) is locked") }

    static func wrongVMState(_ action: String, _ id: ServerID, _ state: VMState) -> CloudError {
        CloudError(.conflict, "Cannot '\(action)' instance \(id) while it is in vm_state \(state.rawValue)")
    }

    static func wrongState(_ action: String, _ id: ServerID, _ standing: ServerStanding) -> CloudError {
        if let task = standing.taskState {
            return CloudError(.conflict, "Cannot '\(action)' instance \(id) while it is in task_state \(task)")
        }
        return wrongVMState(action, id, standing.shownVMState)
    }
}
