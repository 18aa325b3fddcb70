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
            try await whatTheGatewayCannotUseIsNamed(in: federation.folder)
        }
    }

    /// A gateway that can't start ends with a sentence, not with a crash.
    private func whatTheGatewayCannotUseIsNamed(in folder: String) async throws {
        let (etc, state) = ("\(folder)/wrong/etc", "\(folder)/wrong/var")
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "\(folder)/tunis/etc", toPath: etc)
        let federation = "\(etc)/federation.yml"
        let text = try String(contentsOfFile: federation, encoding: .utf8).replacing("tls: false", with: "tls: true")
        try text.write(toFile: federation, atomically: true, encoding: .utf8)

        func start() async -> String {
            let error = await #expect(throws: ProcessFederationError.self) {
                try await Programs.run(
                    "meridian-cell", ["gateway", "--etc", etc, "--var", state], log: "\(folder)/wrong/gateway.output")
            }
            return error?.description ?? ""
        }
        let withoutCertificate = await start()
        #expect(withoutCertificate.contains("ended with 78") && withoutCertificate.contains("\(etc)/tls/server.pem"))
        try FileManager.default.removeItem(atPath: "\(state)/image-cache")
        try Data().write(to: URL(fileURLWithPath: "\(state)/image-cache"))
        let withoutFolder = await start()
        #expect(withoutFolder.contains("ended with 78") && withoutFolder.contains("\(state)/image-cache can't be used"))
    }
}
