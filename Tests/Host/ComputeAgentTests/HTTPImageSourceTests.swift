import CellProtocol
import CloudModel
import ComputeAgent
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing
import Tokens

@Suite struct HTTPImageSourceTests {
    private func fetch(
        status: HTTPResponseStatus, body: [UInt8] = [], ending: Ending = .whole, fromGateway isGateway: Bool = false,
        verifying: Bool = false, headers: HTTPHeaders = [:], onPiece: @Sendable () -> Void = {}
    ) async throws -> (data: [UInt8], head: HTTPRequestHead?, key: HostImageKey, origin: ImageOrigin) {
        let heard = Heard()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        Answer(heard: heard, status: status, headers: headers, body: body, ending: ending))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let key = try HostImageKey.generate()
        let here = "http://127.0.0.1:\(server.localAddress?.port ?? 0)"
        let source = HTTPImageSource(authority: nil, key: key, gateway: isGateway ? here : nil)
        // Nobody is at the second.
        let glance = isGateway ? "http://127.0.0.1:1" : here
        let taken = Mutex<[UInt8]>([])
        let grant = ImageGrant(
            url: "\(glance)/v2/images/1/file", grant: "signed", expires: .now())
        let origin: ImageOrigin
        do {
            origin = try await source.fetch(grant, verifying: verifying) { piece in
                taken.withLock { $0 += piece.readableBytesView }
                onPiece()
            }
        } catch {
            try await source.shutdown()
            try await server.close()
            throw error
        }
        try await source.shutdown()
        try await server.close()
        return (taken.withLock { $0 }, heard.head.withLock { $0 }, key, origin)
    }

    @Test func dataComesInPiecesAndTheGrantGoesWithTheRequest() async throws {
        let body = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
        let (data, head, _, origin) = try await fetch(status: .ok, body: body)
        #expect(data == body)
        #expect(head?.headers.first(name: "X-Meridian-Grant") == "signed")
        #expect(origin == .glance)
    }

    @Test func theHostProvesThatTheRequestIsItsOwn() async throws {
        let (_, head, key, _) = try await fetch(status: .ok, body: [1])
        let asked = try #require(head)
        let grant = Grant(image: .random(), server: .random(), host: "h", hostKey: key.publicText, expiresAt: .now())
        let request = ImageRequest(method: "\(asked.method)", path: asked.uri, range: asked.headers.first(name: "Range"))
        let proof = asked.headers.first(name: "X-Meridian-Proof")
        _ = try grant.verify(proof: proof, of: request, with: "signed")
        #expect(throws: CloudError.self) { try grant.verify(proof: proof, of: request, with: "another") }
    }

    @Test(arguments: [
        (401, CloudError.Code.unavailable), (403, .unavailable), (404, .notFound), (500, .unavailable), (302, .internalError),
    ])
    func whatGlanceRefusesIsToldApart(_ status: Int, _ code: CloudError.Code) async throws {
        do {
            _ = try await fetch(status: .init(statusCode: status))
            Issue.record("nothing was thrown")
        } catch let error as CloudError {
            #expect(error.code == code)
        }
    }

    @Test(arguments: [("hit", ImageOrigin.regionCache), ("miss", .glanceThroughRegion), ("", .glanceThroughRegion)])
    func theGatewayIsAskedForTheSamePathAndSaysWhoHadTheBytes(_ word: String, _ expected: ImageOrigin) async throws {
        let (data, head, _, origin) = try await fetch(
            status: .ok, body: [1, 2], fromGateway: true, headers: ["X-Meridian-Cache": word])
        #expect(data == [1, 2])
        #expect(head?.uri == "/v2/images/1/file")
        #expect(head?.headers.first(name: "Cache-Control") == nil)
        #expect(origin == expected)
    }

    @Test func theGatewayIsToldToVerifyWhatItHas() async throws {
        let (_, head, _, _) = try await fetch(status: .ok, body: [1, 2], fromGateway: true, verifying: true)
        #expect(head?.headers.first(name: "Cache-Control") == "no-cache")
    }

    @Test func aTransferThatBreaksOffMayBeTriedAgain() async throws {
        do {
            _ = try await fetch(status: .ok, body: [1, 2, 3], ending: .cut)
            Issue.record("nothing was thrown")
        } catch let error as CloudError {
            #expect(error.code == .unavailable)
        }
    }

    @Test func aTransferThatHangsEndsWithItsTask() async throws {
        let start = ContinuousClock.now
        await #expect(throws: (any Error).self) {
            try await Task {
                try await fetch(status: .ok, body: [1, 2, 3], ending: .hanging) {
                    withUnsafeCurrentTask { $0?.cancel() }
                }
            }.value
        }
        #expect(ContinuousClock.now - start < .seconds(30), "sooner than by its silence")
    }

    private enum Ending {
        case whole
        case cut
        /// More is promised, and never comes.
        case hanging
    }

    private final class Heard: Sendable { let head = Mutex<HTTPRequestHead?>(nil) }

    private final class Answer: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        let heard: Heard
        let status: HTTPResponseStatus
        let headers: HTTPHeaders
        let body: [UInt8]
        let ending: Ending

        init(heard: Heard, status: HTTPResponseStatus, headers: HTTPHeaders, body: [UInt8], ending: Ending) {
            self.heard = heard
            self.status = status
            self.headers = headers
            self.body = body
            self.ending = ending
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                heard.head.withLock { $0 = head }
            case .body: break
            case .end:
                let length = ending == .whole ? body.count : body.count + 10
                var headers = headers
                headers.add(name: "Content-Length", value: "\(length)")
                let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
                switch ending {
                case .whole: context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
                case .cut: context.close(promise: nil)
                case .hanging: break
                }
            }
        }
    }
}
