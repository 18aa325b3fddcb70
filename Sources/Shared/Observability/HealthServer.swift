import CloudModel
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// Answers `GET /healthz` (200 when every check is healthy, else 503; JSON with each check by name) and `GET /metrics`
/// (Prometheus text) on a port of its own, so that a busy or broken API still says how it is.
///
/// Part of a program's one `ServiceGroup`. It listens without TLS and without tokens: bind it to an inner address.
package struct HealthServer: Service {
    private let host: String
    private let port: Int
    private let checks: [String: @Sendable () async -> HealthCheck]
    private let metrics: MetricsRegistry
    private let onRunning: @Sendable (_ port: Int) -> Void

    /// `port` 0 takes a free one; `onRunning` hears which.
    package init(
        host: String, port: Int, checks: [String: @Sendable () async -> HealthCheck], metrics: MetricsRegistry = .shared,
        onRunning: @escaping @Sendable (_ port: Int) -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.checks = checks
        self.metrics = metrics
        self.onRunning = onRunning
    }

    package func run() async throws {
        let answer = HealthAnswer(checks: checks, metrics: metrics)
        let open = OpenConnections(limit: Self.connectionLimit)
        let server = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard open.admit() else { throw TooManyConnections() }
                    channel.closeFuture.whenComplete { _ in open.leave() }
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(IdleStateHandler(allTimeout: Self.idleLimit))
                    try pipeline.addHandler(HealthHandler(answer: answer))
                }
            }
        let channel: any Channel
        do {
            channel = try await server.bind(host: host, port: port).get()
        } catch {
            throw ProgramError.unavailable("The health port \(host):\(port) can't be opened: \(error).")
        }
        onRunning(channel.localAddress?.port ?? port)
        try await withGracefulShutdownHandler {
            try await withTaskCancellationHandler {
                try await channel.closeFuture.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } onGracefulShutdown: {
            channel.close(promise: nil)
        }
    }

    /// Connections at once. Higher costs memory under a flood, lower locks the second monitor out.
    private static let connectionLimit = 64
    /// A monitor that says nothing this long is hung up on.
    private static let idleLimit = TimeAmount.seconds(30)
}

/// Closes a connection beyond the limit.
private struct TooManyConnections: Error {}

/// How many are connected.
private final class OpenConnections: Sendable {
    private let limit: Int
    private let count = Lock(0)
    init(limit: Int) { self.limit = limit }
    func admit() -> Bool {
        count.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
    }
    func leave() { count.withLock { $0 -= 1 } }
}

/// What is said for which path.
struct HealthAnswer: Sendable {
    let checks: [String: @Sendable () async -> HealthCheck]
    let metrics: MetricsRegistry

    func callAsFunction(_ path: String) async -> (status: HTTPResponseStatus, type: String, body: [UInt8]) {
        switch path.split(separator: "?").first ?? "" {
        case "/metrics": return (.ok, "text/plain; version=0.0.4", Array(metrics.exposition().utf8))
        case "/healthz":
            let results = await withTaskGroup(of: (String, HealthCheck).self) { group in
                for (name, check) in checks { group.addTask { (name, await check()) } }
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            let isHealthy = results.values.allSatisfy(\.isHealthy)
            var line = LogLine()
            line.add("status", isHealthy ? "ok" : "failing")
            line.add(
                "checks",
                .dictionary(
                    results.mapValues {
                        .dictionary(["healthy": .stringConvertible($0.isHealthy), "message": .string($0.message)])
                    }))
            return (isHealthy ? .ok : .serviceUnavailable, "application/json", line.finished())
        default: return (.notFound, "text/plain", Array("This port serves /healthz and /metrics.\n".utf8))
        }
    }
}

/// One connection of a monitor.
private final class HealthHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: HealthAnswer
    private var head: HTTPRequestHead?

    init(answer: HealthAnswer) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            reply(to: head, on: context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func reply(to head: HTTPRequestHead, on context: ChannelHandlerContext) {
        let channel = context.channel
        let answer = self.answer
        let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
        // Checks may wait (a database); the loop may not. The promise ends when they answer, or with the connection.
        let result = channel.eventLoop.makePromise(of: (HTTPResponseStatus, String, [UInt8]).self)
        result.completeWithTask {
            guard head.method == .GET || head.method == .HEAD else {
                return (.methodNotAllowed, "text/plain", Array("Use GET.\n".utf8))
            }
            let (status, type, body) = await answer(head.uri)
            return (status, type, body)
        }
        result.futureResult.whenSuccess { status, type, body in
            let context = loopBound.value
            var headers = HTTPHeaders()
            headers.add(name: "content-type", value: type)
            headers.add(name: "content-length", value: String(body.count))
            if !head.isKeepAlive { headers.add(name: "connection", value: "close") }
            context.write(
                Self.wrap(.head(HTTPResponseHead(version: head.version, status: status, headers: headers))), promise: nil)
            if head.method != .HEAD {
                context.write(Self.wrap(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
            }
            let written = context.writeAndFlush(Self.wrap(.end(nil)))
            if !head.isKeepAlive { written.whenComplete { _ in loopBound.value.close(promise: nil) } }
        }
    }

    private static func wrap(_ part: HTTPServerResponsePart) -> NIOAny { NIOAny(part) }
}
