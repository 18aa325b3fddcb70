import CloudModel
import HTTPTypes
package import Hummingbird
import Logging
import Observability

/// Gives each request its id, tells it to the client, and writes one line when it has been answered. Stands outermost.
package struct RequestIDMiddleware: RouterMiddleware {
    package typealias Context = APIRequestContext

    private let service: String
    private let tellsComputeID: Bool
    private let seconds: Histogram
    private let answers: [Counter]

    /// `service` labels the metrics and the log lines. `tellsComputeID` adds Nova's old `x-compute-request-id`.
    package init(service: String, tellsComputeID: Bool = false) {
        self.service = service
        self.tellsComputeID = tellsComputeID
        seconds = MetricsRegistry.shared.histogram("meridian_api_request_seconds", ["service": service])
        answers = (1...5).map {
            MetricsRegistry.shared.counter("meridian_api_requests_total", ["service": service, "status": "\($0)xx"])
        }
    }

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var context = context
        context.requestID = .random()
        context.globalRequestID = request.headers[.openStackRequestID].flatMap(Self.wellFormed)
        context.logger[metadataKey: .request] = .string(context.requestID.rawValue)
        if let global = context.globalRequestID { context.logger[metadataKey: .globalRequest] = .string(global.rawValue) }
        var response = try await next(request, context)
        response.headers[.openStackRequestID] = context.requestID.rawValue
        if tellsComputeID { response.headers[.computeRequestID] = context.requestID.rawValue }
        let taken = ContinuousClock.now - start
        seconds.observe(taken)
        answers[max(0, min(4, response.status.code / 100 - 1))].increment()
        context.logger.info(
            "request answered",
            metadata: [
                .service: .string(service), .method: .string(request.method.rawValue), .path: .string(request.uri.path),
                .status: .stringConvertible(response.status.code), .microseconds: .stringConvertible(taken.inMicroseconds),
            ])
        return response
    }

    /// `req-` and a UUID, as OpenStack's own services demand; anything else is ignored.
    private static func wellFormed(_ text: String) -> CloudModel.RequestID? {
        guard text.hasPrefix("req-"), ServerID(text.dropFirst(4)) != nil else { return nil }
        return CloudModel.RequestID(rawValue: text)
    }
}
