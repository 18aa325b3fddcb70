/// Why a request to a cloud came to nothing. `description` is a sentence for people.
public enum CloudClientError: Error, Sendable, CustomStringConvertible {
    /// `clouds.yaml`, a variable or an option is missing or wrong.
    case settings(String)
    /// No answer: the address, the network, the certificate, or a deadline.
    case unreachable(String)
    /// The cloud answered no.
    case refused(status: Int, message: String, request: String?)
    /// The cloud answered with something that this client can't read.
    case unreadable(String)
    /// No resource of that name, or several.
    case notFound(String)
    case ambiguous(String)

    public var description: String {
        switch self {
        case .settings(let text), .unreachable(let text), .unreadable(let text), .notFound(let text), .ambiguous(let text): text
        case .refused(let status, let message, let request):
            "\(message) (HTTP \(status)\(request.map { ", request \($0)" } ?? ""))"
        }
    }
}
