import APIConventions
import CloudModel
import Hummingbird

extension NovaService {
    /// `/servers/{id}/action` and `/servers/{id}/os-instance-actions`.
    func addActions(to routes: NovaRoutes) {
        let perform = PerformAction(store: actions, signal: signal, intentDeadline: intentDeadline)
        let delete = DeleteServer(store: actions, signal: signal)
        let console = GetConsoleOutput(store: servers, questions: questions, regionSilent: regionSilent)
        let show = ShowServer(store: servers)
        let timeline = ShowActions(servers: servers, timelines: timelines)
        let lock = LockServer(store: servers)

        routes.post("/servers/{server}/action") { request in
            let id = try request.serverID()
            switch try ActionRequest(try await request.json()) {
            case .reboot(let hard):
                try request.enforce("os_compute_api:servers:reboot")
                try await perform(.reboot, hardReboot: hard, on: id, by: request)
            case .start:
                try request.enforce("os_compute_api:servers:start")
                try await perform(.start, on: id, by: request)
            case .stop:
                try request.enforce("os_compute_api:servers:stop")
                try await perform(.stop, on: id, by: request)
            case .forceDelete:
                // Nova's deletes may be deferred, and this one not; here none is.
                try request.enforce("os_compute_api:os-deferred-delete:force")
                try await delete(id, by: request)
            case .consoleOutput(let lines):
                try request.enforce("os_compute_api:os-console-output")
                let output = try await console(id, lines: lines, for: request)
                return .json { $0.field("output", output) }
            case .lock:
                try request.enforce("os_compute_api:os-lock-server:lock")
                try await lock.lock(id, for: request)
            case .unlock:
                try request.enforce("os_compute_api:os-lock-server:unlock")
                try await lock.unlock(id, for: request)
            case .unserved(let name):
                if name == "trigger_crash_dump", request.version.minor < 17 {
                    throw CloudError(.notFound, "The action \(name) is known from API version 2.17 on.")
                }
                _ = try await show.find(id, for: request)
                throw CloudError(.notImplemented, "The action \(name) is not served by this cloud yet.")
            }
            return .empty(.accepted)
        }
        routes.get("/servers/{server}/os-instance-actions") { request in
            try request.enforce("os_compute_api:os-instance-actions:list")
            return .json(bytes: try await timeline.list(try request.serverID(), for: request))
        }
        routes.get("/servers/{server}/os-instance-actions/{request}") { request in
            try request.enforce("os_compute_api:os-instance-actions:show")
            let asked = CloudModel.RequestID(rawValue: try request.parameter("request"))
            return .json(bytes: try await timeline.show(try request.serverID(), asked: asked, for: request))
        }
    }
}
