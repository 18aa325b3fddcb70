import Foundation
import NIOCore
import NIOPosix
import Observability
import ServiceLifecycle
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

@Suite(.timeLimit(.minutes(3))) struct HealthServerTests {
    @Test func everyCheckIsNamedAndOneFailureIs503() async throws {
        let metrics = MetricsRegistry()
        metrics.counter("looked_total").increment()
        let (ports, found) = AsyncStream<Int>.makeStream()
        let server = HealthServer(
            host: "127.0.0.1", port: 0,
            checks: ["database": { .unhealthy("no answer for 3 s") }, "hub": { .healthy }],
            metrics: metrics, onRunning: { found.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try #require(await ports.first { _ in true })
            let (status, body) = try await get("http://127.0.0.1:\(port)/healthz")
            #expect(status == 503)
            #expect(body.contains(#""database":{"healthy":false,"message":"no answer for 3 s"}"#))
            #expect(body.contains(#""hub":{"healthy":true"#))
            let exposition = try await get("http://127.0.0.1:\(port)/metrics")
            #expect(exposition.status == 200)
            #expect(exposition.body.contains("looked_total 1"))
            #expect(try await get("http://127.0.0.1:\(port)/else").status == 404)
            group.cancelAll()
        }
    }

    private func get(_ url: String) async throws -> (status: Int, body: String) {
        let (data, response) = try await URLSession.shared.data(from: try #require(URL(string: url)))
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
    }
}
