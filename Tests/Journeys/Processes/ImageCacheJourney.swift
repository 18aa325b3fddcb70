import CloudModel
import Foundation
import ProcessFederation
import Testing
import Tokens

extension ProcessJourneys {
    /// A region that fetched an image once has it for all its hosts: while the top answers nothing, and after `kill -9` of the gateway.
    @Test func aRegionsCacheHasItsImagesWhileTheTopIsSilent() async throws {
        var plan = ProcessFederation.Plan()
        plan.regions = ["tunis"]
        plan.hostsPerRegion = 1
        try await ProcessFederation.with(plan) { federation in
            let tunis = try #require(federation.cells["tunis"])
            let data = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 9)) })
            let image = try #require(ImageID(try await federation.tenant().makeImage(data)))
            let hub = try GrantSigningKey(file: federation.grantKeyFile)
            let path = "/v2/images/\(image)/file"

            /// As a host that was granted the image asks; each time another host.
            func fetch() async throws -> HTTPAnswer {
                let host = try HostImageKey.generate()
                let grant = try hub.sign(
                    Grant(
                        image: image, server: .random(), host: "compute-1.tunis", hostKey: host.publicText,
                        expiresAt: .now() + .seconds(120)))
                let proof = try host.prove(ImageRequest(method: "GET", path: path, range: nil), with: grant)
                return try await tunis.fetchImage(path, grant: grant, proof: proof)
            }

            try await Wait.until("the gateway has fetched the image", within: .seconds(20)) {
                let answer = try await fetch()
                return answer.status == 200 && answer.body == data && answer.headers["x-meridian-cache"] == "hit"
            }
            federation.api.signal(SIGSTOP)
            tunis.gateway.kill()
            try await Wait.until("another gateway has the image", within: .seconds(20)) {
                let answer = try await fetch()
                return tunis.gateway.starts >= 2 && answer.body == data && answer.headers["x-meridian-cache"] == "hit"
            }
            federation.api.signal(SIGCONT)
        }
    }
}
