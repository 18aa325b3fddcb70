import APIConventions
import Hummingbird

extension NovaService {
    /// `/meridian/v1`: what no OpenStack API has a place for.
    func addMeridian(to routes: NovaRoutes) {
        let own = MeridianServers(servers: servers, timelines: timelines, cells: cells, regionSilent: regionSilent)
        let regions = MeridianCells(cells: cells, hosts: hosts, signal: signal, regionSilent: regionSilent)
        let watch = WatchEvents(store: events, news: newEvents)
        let drift = ShowDrift(cells: cells, questions: questions, regionSilent: regionSilent)

        routes.get("/servers") { request in
            try request.enforce("meridian:servers:list")
            return .json(bytes: try await own.list(request))
        }
        routes.get("/servers/{server}") { request in
            try request.enforce("meridian:servers:list")
            return .json(bytes: try await own.show(request))
        }
        routes.get("/servers/{server}/trace") { request in
            try request.enforce("meridian:servers:trace")
            return .json(bytes: try await own.trace(request))
        }
        routes.get("/servers/{server}/explain") { request in
            try request.enforce("meridian:servers:explain")
            return .json(bytes: try await own.explain(request))
        }
        routes.get("/cells") { request in
            try request.enforce("meridian:cells:list")
            return .json(bytes: try await regions.list(request))
        }
        routes.get("/cells/{cell}") { request in
            try request.enforce("meridian:cells:list")
            return .json(bytes: try await regions.show(request))
        }
        routes.put("/cells/{cell}") { request in
            try request.enforce("meridian:cells:update")
            return .json(bytes: try await regions.update(try await request.json(), request))
        }
        routes.get("/cells/{cell}/drift") { request in
            try request.enforce("meridian:cells:drift")
            return .json(bytes: try await drift(request))
        }
        routes.get("/hosts") { request in
            try request.enforce("meridian:hosts:list")
            return .json(bytes: try await regions.listHosts(request))
        }
        routes.get("/events") { request in
            try request.enforce("meridian:events:list")
            return .json(bytes: try await watch(request))
        }
    }
}
