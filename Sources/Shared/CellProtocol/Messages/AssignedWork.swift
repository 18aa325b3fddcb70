package import CloudModel

/// Host → conductor: what should I run? Asked when woken, and every reconcile period for certain.
package struct AskForWork: CellCall {
    package static let kind = "ask-for-work/1"
    package typealias Reply = AssignedWork

    /// The digest of the answer that the host acts on now; an unchanged answer then costs no query.
    package var digest: WorkDigest?
    /// The orders may come in pages of so many bytes; nil: all at once, as to a host of an older release.
    package var bytes: Int?
    /// The page after this server's order.
    package var after: ServerID?

    package init(digest: WorkDigest?, bytes: Int? = nil, after: ServerID? = nil) {
        self.digest = digest
        self.bytes = bytes
        self.after = after
    }
}

/// Conductor → host: the orders for every server that this host has or should have.
package struct AssignedWork: Codable, Sendable, Hashable {
    /// Of all orders, also where this is one page of them: pages with different digests don't belong together.
    package var digest: WorkDigest
    /// Nil: as before.
    package var orders: [WorkOrder]?
    /// True: the cell has recovered from a restore and may lack what it acknowledged; say hello and report everything once more.
    package var tellAgain: Bool?
    /// There is more: ask for the page after this one. The orders are known only when the last page is.
    package var next: ServerID?

    package init(digest: WorkDigest, orders: [WorkOrder]?, tellAgain: Bool? = nil, next: ServerID? = nil) {
        self.digest = digest
        self.orders = orders
        self.tellAgain = tellAgain
        self.next = next
    }

    /// The page of `all` that comes after a server, as large as the asker takes.
    package init(digest: WorkDigest, pageOf all: [WorkOrder], after: ServerID?, atMost bytes: Int) {
        let rest = all.filter { order in after.map { $0 < order.server } ?? true }.sorted { $0.server < $1.server }
        let page = rest.prefix(rest.count(fitting: bytes) { $0.bytesAtMost })
        self.init(digest: digest, orders: Array(page), next: page.count < rest.count ? page.last?.server : nil)
    }
}

/// Count and hash of (id, revision) over a host's orders, whatever their order.
package struct WorkDigest: Codable, Sendable, Hashable {
    package var count: Int
    package var hash: UInt64

    package init(of orders: some Sequence<(server: ServerID, revision: Int64)>) {
        var count = 0
        var hash: UInt64 = 0
        for order in orders {
            count += 1
            var one: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a, 64 bits: the same in every process and release.
            for byte in order.server.rawValue.bytes { one = (one ^ UInt64(byte)) &* 0x100_0000_01b3 }
            withUnsafeBytes(of: order.revision.littleEndian) {
                for byte in $0 { one = (one ^ UInt64(byte)) &* 0x100_0000_01b3 }
            }
            hash ^= one
        }
        self.count = count
        self.hash = hash
    }

    package init<Orders: Sequence<WorkOrder>>(_ orders: Orders) {
        self.init(of: orders.lazy.map { (server: $0.server, revision: $0.revision) })
    }
}

/// Conductor → host: there is something new; ask.
package struct WakeHost: CellCast {
    package static let kind = "wake-host/1"
    package init() {}
}
