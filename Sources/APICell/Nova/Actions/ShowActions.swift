import APIConventions
import CloudModel

/// `os-instance-actions`: what was asked of a server, and how it went. From 2.21 on also of servers that are gone.
struct ShowActions: Sendable {
    let servers: ServerStore
    let timelines: ActionTimelineStore

    func list(_ id: ServerID, for request: NovaRequest) async throws -> [UInt8] {
        _ = try await server(id, for: request)
        let actions = try await timelines.actions(of: id)
        var json = JSONWriter(capacity: actions.count * 320 + 32)
        json.object {
            $0.array("instanceActions") { for action in actions { $0.object { Self.write(action, to: &$0) } } }
        }
        return json.bytes
    }

    func show(_ id: ServerID, asked: RequestID, for request: NovaRequest) async throws -> [UInt8] {
        _ = try await server(id, for: request)
        guard let action = try await timelines.action(of: id, request: asked) else {
            throw CloudError(.notFound, "Action for request_id \(asked) on instance \(id) not found")
        }
        var json = JSONWriter(capacity: 2_048)
        json.object {
            $0.object("instanceAction") {
                Self.write(action, to: &$0)
                guard request.allows("os_compute_api:os-instance-actions:events") else { return }
                $0.array("events") { for step in action.steps { $0.object { Self.write(step, of: action, to: &$0) } } }
            }
        }
        return json.bytes
    }

    private func server(_ id: ServerID, for request: NovaRequest) async throws -> ServerRecord {
        try await ShowServer(store: servers).find(id, for: request, includingDeleted: request.version.minor >= 21)
    }

    private static func write(_ action: ActionRecord, to json: inout JSONWriter) {
        json.field("action", action.verb.rawValue)
        json.field("instance_uuid", action.server)
        json.field("request_id", action.request?.rawValue ?? "")
        json.field("user_id", action.user.rawValue)
        json.field("project_id", action.project.rawValue)
        json.field("start_time", action.created.withoutZone)
        json.field("message", action.novaMessage)
    }

    private static func write(_ step: TraceStep, of action: ActionRecord, to json: inout JSONWriter) {
        json.field("event", step.name)
        json.field("start_time", step.started.withoutZone)
        json.field("finish_time", step.ended.withoutZone)
        json.field("result", action.hasFailed && step == action.steps.last ? "Error" : "Success")
        json.field("traceback", action.hasFailed && step == action.steps.last ? step.note : nil)
    }
}
