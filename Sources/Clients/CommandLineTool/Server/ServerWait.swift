import ArgumentParser
import CloudClient

struct ServerWait: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until a server is in a state; exit code 4 if it ends in ERROR.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Name or id.") var server: String
    @Option(name: .customLong("for"), help: "The status to wait for, or DELETED.") var wanted = "ACTIVE"
    @Option(help: "Seconds to wait at most.") var timeout = 600

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let id = try await cloud.findServer(server).id
        if wanted.uppercased() == "DELETED" {
            try await Waiting(for: [], seconds: timeout).waitUntilGone(id, in: cloud)
            return
        }
        let server = try await Waiting(for: [wanted.uppercased()], seconds: timeout).wait(for: id, in: cloud)
        output.record([("ID", .string(id)), ("Name", server["name"] ?? .null), ("Status", server["status"] ?? .null)])
    }
}

/// Asks again and again, more slowly with time, until a server is where it should be.
struct Waiting {
    let statuses: Set<String>
    let limit: Duration

    /// Between two questions at first and at last: short enough to feel prompt, long enough not to be a load.
    private static let pauses = (first: Duration.milliseconds(250), longest: Duration.seconds(2))

    init(for statuses: Set<String>, seconds: Int) {
        self.statuses = statuses
        limit = .seconds(seconds)
    }

    /// The server, once it rests in a status that was wanted. Throws `endedInError` or `waitedInVain`.
    func wait(for id: String, in cloud: CloudSession) async throws -> JSON {
        try await poll { () async throws -> JSON? in
            let server = try await cloud.server(id)
            let status = server["status"]?.string ?? ""
            let isResting = server["OS-EXT-STS:task_state"] == nil
            if statuses.contains(status), isResting { return server }
            if status == "ERROR", !statuses.contains("ERROR"), isResting {
                throw ToolFailure(
                    status: .endedInError,
                    message:
                        "\(server["name"]?.string ?? id) ended in ERROR: \(server["fault"]?["message"]?.string ?? "no reason given")"
                )
            }
            return nil
        }
    }

    func waitUntilGone(_ id: String, in cloud: CloudSession) async throws {
        _ = try await poll { () async throws -> Bool? in
            do {
                _ = try await cloud.server(id)
                return nil
            } catch CloudClientError.refused(status: 404, _, _) {
                return true
            }
        }
    }

    private func poll<R>(_ ask: () async throws -> R?) async throws -> R {
        let deadline = ContinuousClock.now + limit
        var pause = Self.pauses.first
        while true {
            if let result = try await ask() { return result }
            guard ContinuousClock.now + pause < deadline else {
                throw ToolFailure(status: .waitedInVain, message: "it took longer than \(limit.components.seconds) s.")
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 3 / 2, Self.pauses.longest)
        }
    }
}
