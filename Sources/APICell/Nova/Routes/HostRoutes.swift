import APIConventions
import CloudModel
import Hummingbird

extension NovaService {
    /// `/os-services`, `/os-hypervisors`, `/os-hosts`, `/os-availability-zone`, `/os-aggregates`.
    func addHosts(to routes: NovaRoutes) {
        let services = ListServices(store: hosts, regionSilent: regionSilent)
        let hypervisors = ListHypervisors(store: hosts, regionSilent: regionSilent)
        let listZones = ListZones(store: zones, hosts: hosts, regionSilent: regionSilent)
        let signal = signal

        routes.get("/os-availability-zone") { request in
            try request.enforce("os_compute_api:os-availability-zone:list")
            return .json(bytes: try await listZones(request, detail: false))
        }
        routes.get("/os-availability-zone/detail") { request in
            try request.enforce("os_compute_api:os-availability-zone:detail")
            return .json(bytes: try await listZones(request, detail: true))
        }
        routes.get("/os-services") { request in
            try request.enforce("os_compute_api:os-services:list")
            return .json(bytes: try await services.list(request))
        }
        for action in ["enable", "disable", "disable-log-reason"] {
            routes.put(RouterPath("/os-services/\(action)")) { request in
                try request.enforce("os_compute_api:os-services:update")
                let answer = try await services.change(try await request.json(), to: action, request)
                signal.newIntents()
                return .json(bytes: answer)
            }
        }
        routes.delete("/os-services/{service}") { request in
            try request.enforce("os_compute_api:os-services:delete")
            try await services.delete(request)
            return .empty()
        }
        routes.get("/os-hypervisors") { request in
            try request.enforce("os_compute_api:os-hypervisors:list")
            return .json(bytes: try await hypervisors.list(request, detail: false))
        }
        routes.get("/os-hypervisors/detail") { request in
            try request.enforce("os_compute_api:os-hypervisors:list-detail")
            return .json(bytes: try await hypervisors.list(request, detail: true))
        }
        routes.get("/os-hypervisors/statistics") { request in
            try request.enforce("os_compute_api:os-hypervisors:statistics")
            return .json(bytes: try await hypervisors.statistics(request))
        }
        routes.get("/os-hypervisors/{hypervisor}") { request in
            try request.enforce("os_compute_api:os-hypervisors:show")
            return .json(bytes: try await hypervisors.show(request))
        }
        routes.get("/os-hypervisors/{hypervisor}/uptime") { request in
            try request.enforce("os_compute_api:os-hypervisors:uptime")
            return .json(bytes: try await hypervisors.uptime(request))
        }
        routes.get("/os-hypervisors/{hypervisor}/search") { request in
            try request.enforce("os_compute_api:os-hypervisors:search")
            return .json(bytes: try await hypervisors.search(request, withServers: false))
        }
        routes.get("/os-hypervisors/{hypervisor}/servers") { request in
            try request.enforce("os_compute_api:os-hypervisors:servers")
            return .json(bytes: try await hypervisors.search(request, withServers: true))
        }
        let listHosts = ListHosts(store: hosts, signal: signal)
        routes.get("/os-hosts") { request in
            try request.enforce("os_compute_api:os-hosts:list")
            return .json(bytes: try await listHosts.list(request))
        }
        routes.get("/os-hosts/{host}") { request in
            try request.enforce("os_compute_api:os-hosts:show")
            return .json(bytes: try await listHosts.show(request))
        }
        routes.put("/os-hosts/{host}") { request in
            try request.enforce("os_compute_api:os-hosts:update")
            return .json(bytes: try await listHosts.update(try await request.json(), request))
        }
        for (action, rule) in [
            ("startup", "os_compute_api:os-hosts:start"), ("shutdown", "os_compute_api:os-hosts:shutdown"),
            ("reboot", "os_compute_api:os-hosts:reboot"),
        ] {
            routes.get(RouterPath("/os-hosts/{host}/\(action)")) { request in
                try request.enforce(rule)
                return .json(bytes: try await listHosts.power(request))
            }
        }
        routes.get("/os-aggregates") { request in
            try request.enforce("os_compute_api:os-aggregates:index")
            return .json { $0.array("aggregates") { _ in } }
        }
    }
}
