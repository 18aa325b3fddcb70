package import CellProtocol
package import CloudModel
internal import Messaging
internal import RegionConfig

/// What an operator asks through an HTTP process of the API cell.
extension SimulatedFederation {
    /// All guests of a cell that nobody ordered, in pages of so many: through hub and conductor, as `meridian cell drift` asks.
    package func drift(of cell: CellName, page: Int = GetDrift.largestPage) async throws -> [GetDrift.Stranger] {
        let messenger = network.messenger(
            .api("operator"), dialling: [Self.hubName], heartbeat: SimulatedCell.timing.heartbeat, logger: .journey("api"))
        let process = Running([messenger])
        do {
            try await eventually("the hub is in contact") { messenger.contact(Self.hubName) != nil }
            var found: [GetDrift.Stranger] = []
            var after: GetDrift.Place?
            repeat {
                let reply = try await messenger.call(
                    GetDrift(cell: cell, after: after, limit: page), to: Self.hubName, timeout: .seconds(10))
                found += reply.strangers
                after = reply.next
            } while after != nil
            await process.stop()
            return found
        } catch {
            await process.stop()
            throw error
        }
    }
}
