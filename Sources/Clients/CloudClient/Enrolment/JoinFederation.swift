import Foundation

/// Brings a child cell's key and its enrolment token to a federation, and hears which key the hub has: `POST /meridian/v1/enrolments`.
/// The same words may be said again, so a lost answer costs nothing.
public struct JoinFederation: Sendable {
    public struct Welcome: Sendable, Equatable {
        /// The federation's name.
        public let federation: String
        /// The hub's public CURVE key, 40 characters of Z85.
        public let hubKey: String
        /// False: the cell had been let in before.
        public let isNew: Bool
    }

    private let url: String
    private let authorities: String?

    /// Between two tries, unless the answer says when.
    private static let pause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(5)

    /// - Parameters:
    ///   - url: of the compute API, without a path: `https://10.100.0.10:8774`.
    ///   - authorities: a PEM file with the authorities that may have signed its certificate; nil: the system's.
    public init(url: String, authorities: String?) {
        self.url = url
        self.authorities = authorities
    }

    /// Asks until there is an answer, for as long as `patience`: an API that is just being started is waited for. Throws `CloudClientError`:
    /// `refused` for a token or a key that doesn't hold, `unreachable` when the time is over.
    public func callAsFunction(
        token: String, cell: String, publicKey: String, description: String, patience: Duration
    ) async throws -> Welcome {
        let sender = HTTPSender(authorities: authorities)
        do {
            let welcome = try await ask(
                sender,
                .object([
                    "enrolment": .object([
                        "token": .string(token), "cell": .string(cell), "public_key": .string(publicKey),
                        "description": .string(description),
                    ])
                ]), until: .now + patience)
            await sender.close()
            return welcome
        } catch {
            await sender.close()
            throw error
        }
    }

    private func ask(_ sender: HTTPSender, _ body: JSON, until end: ContinuousClock.Instant) async throws -> Welcome {
        while true {
            do {
                let answer = try await sender.send(
                    .post, "\(url)/meridian/v1/enrolments", headers: [("Accept", "application/json")], body: body,
                    timeout: .seconds(10))
                guard answer.status == 503, ContinuousClock.now < end else { return try Self.read(answer) }
                let asked = answer.headers["retry-after"].flatMap(Int.init).map { Duration.seconds($0) }
                try await Task.sleep(for: min(asked ?? Self.pause, Self.longestPause))
            } catch CloudClientError.unreachable where ContinuousClock.now < end {
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    private static func read(_ answer: CloudAnswer) throws -> Welcome {
        try CloudSession.check(answer)
        guard let federation = answer.json["enrolment"]?["federation"]?.string,
            let hubKey = answer.json["enrolment"]?["hub_key"]?.string
        else { throw CloudClientError.unreadable("The answer to the enrolment doesn't name the federation and its hub's key.") }
        return Welcome(federation: federation, hubKey: hubKey, isNew: answer.status == 201)
    }
}
