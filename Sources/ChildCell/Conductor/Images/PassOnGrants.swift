import CellProtocol
import CloudModel
import Messaging

/// Hosts' questions for leave to fetch images, on their way to the hub: only what the cell itself has ordered goes on, under the name of the
/// host that asks.
struct PassOnGrants: Sendable {
    let hubs: [PeerName]
    let messenger: any Messenger
    let builds: AskForImages
    let warmUp: WarmUpImages
    /// For the hub's answer.
    let timeout: Duration

    /// Registers what it answers; call before the messenger runs.
    func register() {
        messenger.on(AskForImageGrant.self, from: [.host]) { question, incoming in
            var named = question
            named.host = HostName(incoming.from.name)
            try await builds.mustBeBuilding(named, on: named.host)
            return try await pass(named, of: incoming)
        }
        messenger.on(AskForWarmUpGrant.self, from: [.host]) { question, incoming in
            var named = question
            named.host = HostName(incoming.from.name)
            try await warmUp.mustHaveAsked(named.host, for: named.image)
            return try await pass(named, of: incoming)
        }
    }

    private func pass<Question: CellCall>(_ question: Question, of incoming: IncomingMessage) async throws -> Question.Reply {
        guard let hub = messenger.firstMet(of: hubs) else {
            throw CloudError(.unavailable, "The API cell is out of reach, so images can't be fetched.", retryAfter: 5)
        }
        return try await messenger.call(question, to: hub, request: incoming.request, timeout: min(timeout, incoming.deadline))
    }
}
