import ArgumentParser
import CloudClient

struct CellDrift: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "drift", abstract: "Where what a cell found differs from what it was told: unknown guests, missing servers.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The cell's name.") var cell: String

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let found = try await cloud.findCell(cell)
        let items = (try await drift(in: cloud) ?? found["drift"]) ?? .array([])
        let rows: [[JSON]] = (items.array ?? []).map {
            [
                $0["kind"] ?? .null, $0["server"] ?? $0["id"] ?? .null, $0["host"] ?? .null,
                $0["detail"] ?? $0["message"] ?? .null,
            ]
        }
        output.list(["Kind", "Server", "Host", "Detail"], rows)
        if rows.isEmpty { output.remark("Nothing: \(cell) finds what it was told.") }
    }

    /// nil where the cloud has no such list.
    private func drift(in cloud: CloudSession) async throws -> JSON? {
        do {
            return try await cloud.meridian("/cells/\(cell)/drift")["drift"]
        } catch CloudClientError.refused(status: 404, _, _) {
            return nil
        }
    }
}
