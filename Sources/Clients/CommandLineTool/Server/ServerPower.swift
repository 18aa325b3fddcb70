import ArgumentParser
import CloudClient

struct ServerStart: CloudCommand {
    static let configuration = CommandConfiguration(commandName: "start", abstract: "Start stopped servers.")
    @OptionGroup var global: GlobalOptions
    @OptionGroup var target: PowerTarget
    func run(in cloud: CloudSession, _ output: Output) async throws {
        try await target.act("os-start", .null, until: "ACTIVE", in: cloud)
    }
}

struct ServerStop: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop servers; they keep their place and disk.")
    @OptionGroup var global: GlobalOptions
    @OptionGroup var target: PowerTarget
    func run(in cloud: CloudSession, _ output: Output) async throws {
        try await target.act("os-stop", .null, until: "SHUTOFF", in: cloud)
    }
}

struct ServerReboot: CloudCommand {
    static let configuration = CommandConfiguration(commandName: "reboot", abstract: "Reboot servers.")
    @OptionGroup var global: GlobalOptions
    @OptionGroup var target: PowerTarget
    @Flag(help: "As if the power had been cut.") var hard = false
    func run(in cloud: CloudSession, _ output: Output) async throws {
        try await target.act("reboot", .object(["type": .string(hard ? "HARD" : "SOFT")]), until: "ACTIVE", in: cloud)
    }
}

/// The servers of start, stop and reboot, and whether to wait for them.
struct PowerTarget: ParsableArguments {
    @Argument(help: "Names or ids.") var servers: [String]
    @Flag(help: "Wait until it is done.") var wait = false
    @Option(help: "Seconds to wait at most.") var timeout = 300

    func act(_ action: String, _ arguments: JSON, until status: String, in cloud: CloudSession) async throws {
        var ids: [String] = []
        for name in servers { ids.append(try await cloud.findServer(name).id) }
        for id in ids { try await cloud.act(action, arguments, on: id) }
        guard wait else { return }
        for id in ids { _ = try await Waiting(for: [status], seconds: timeout).wait(for: id, in: cloud) }
    }
}
