package import CloudModel
package import Hummingbird
package import NIOCore

/// What is known about a request besides its bytes. One type for all our services.
package struct APIRequestContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Ours, told to the client and carried by every message the request causes.
    package var requestID: CloudModel.RequestID = ""
    /// The client's own (`X-OpenStack-Request-ID`), if it sent a well-formed one. For logs only; never deduplicates.
    package var globalRequestID: CloudModel.RequestID?
    /// Set by ``AuthenticationMiddleware``; nil on routes that stand outside it.
    package var authenticatedCaller: Caller?
    /// The version negotiated; Nova's middleware sets it. Services without microversions leave it alone.
    package var microversion = Microversion(2, 1)

    /// The connection's, for bodies that are paced by it.
    package let eventLoop: any EventLoop

    package init(source: ApplicationRequestContextSource) {
        eventLoop = source.channel.eventLoop
        coreContext = CoreRequestContextStorage(source: source)
    }

    /// Who is asking. Throws 401 on a route that no authentication stands before.
    package var caller: Caller {
        get throws(CloudError) {
            guard let authenticatedCaller else { throw .requiresAuthentication }
            return authenticatedCaller
        }
    }

    /// A part of the path, percent-decoded. `{name}` must stand in the route.
    package func parameter(_ name: String) throws(CloudError) -> String {
        guard let value = parameters.get(name), !value.isEmpty else {
            throw CloudError(.notFound, "The resource could not be found.")
        }
        guard !value.utf8.contains(0) else { throw CloudError(.badRequest, "The path holds a NUL character.") }
        return value
    }

    /// A UUID in the path; anything else can't exist: 404 with `message`.
    package func parameter<ID: UUIDIdentifier>(_ name: String, as: ID.Type = ID.self, orNotFound message: (String) -> String)
        throws(CloudError) -> ID
    {
        let text = try parameter(name)
        guard let id = ID(text) else { throw CloudError(.notFound, message(text)) }
        return id
    }
}
