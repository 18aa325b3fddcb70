import APIConventions
import CloudModel
import Database
import Hummingbird

/// Says in a client's words what the database and the store answered to us. What it doesn't know goes on as it is.
struct FaultMiddleware: RouterMiddleware {
    typealias Context = APIRequestContext

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as DatabaseError {
            throw Self.translate(error) ?? error
        } catch let error as FileFailure {
            throw error.isFull
                ? CloudError(.unavailable, "The image store is full. Ask the cloud's operator for room.", cause: error)
                : CloudError(.internalError, "The image store could not take the data.", cause: error)
        }
    }

    private static func translate(_ error: DatabaseError) -> CloudError? {
        // 53: insufficient resources; 57: the operator intervened (PostgreSQL's appendix A).
        if error.isConnectionLoss || error.sqlState.category == "53" || error.sqlState.category == "57" {
            return CloudError(
                .unavailable, "The image service can't reach its database. Try again in a moment.", cause: error, retryAfter: 5)
        }
        if error.sqlState.category == "22" {
            return CloudError(.badRequest, "The request holds a value that can't be stored.", cause: error)
        }
        return nil
    }
}
