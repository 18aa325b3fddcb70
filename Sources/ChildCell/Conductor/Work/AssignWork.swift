internal import CellProtocol
internal import CloudModel
internal import Database

/// Answers a host's question what it should run. An unchanged answer comes from memory; the others are read together, one query for all
/// hosts that ask at the same time.
struct AssignWork: Sendable {
    let orders: OrderDigests
    /// A question waits so long for those of hosts that were woken with this one; longer delays every boot.
    private static let gathering = Duration.milliseconds(8)

    private let read: Batcher<HostName, [WorkOrder]>

    init(database: Database, orders: OrderDigests) {
        self.orders = orders
        read = Batcher(largest: 200, gathering: Self.gathering) { hosts in
            let records = try await CellServerStore().ordered(on: hosts, in: database)
            let byHost = Dictionary(grouping: records.compactMap { record in record.order.map { (record.host, $0) } }, by: \.0)
            return hosts.map { byHost[$0]?.map(\.1) ?? [] }
        }
    }

    func callAsFunction(_ question: AskForWork, from host: HostName) async throws -> AssignedWork {
        if let asked = question.digest, let known = await orders.digest(of: host), asked == known {
            return AssignedWork(digest: known, orders: nil)
        }
        let count = await orders.changeCount(of: host)
        let work = try await read(host)
        let digest = WorkDigest(work)
        await orders.keep(digest, of: host, readAt: count)
        guard digest != question.digest else { return AssignedWork(digest: digest, orders: nil) }
        guard let bytes = question.bytes else { return AssignedWork(digest: digest, orders: work) }
        return AssignedWork(digest: digest, pageOf: work, after: question.after, atMost: bytes)
    }
}
