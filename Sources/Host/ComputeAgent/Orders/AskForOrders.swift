import CellProtocol
import CloudModel
import Messaging

/// Asks the conductor what should run here: one question, or as many as the answer has pages.
extension HostAgent {
    /// Room beside the orders of a page: the digest and the names of members.
    private static let beside = 4_096
    /// Above this a host asks on the bulk lane at once: hundreds of orders are more than a page of the control lane, and a page there is
    /// a question of its own, which the conductor reads all orders for.
    private static let manyServers = 200
    /// Pages of one answer. A page has at least one order, and rarely less than a hundred; a conductor that goes on for longer is broken.
    private static let mostPages = 256

    func askForOrders() async throws -> AssignedWork {
        let lane: Lane = hasManyOrders || reconciler.serversKnown > Self.manyServers ? .bulk : .control
        let bytes = lane.bytes - Self.beside
        var work: AssignedWork
        do {
            work = try await question(AskForWork(digest: digest, bytes: bytes), on: lane)
            var pages = 1
            while let last = work.next {
                let page = try await question(AskForWork(digest: nil, bytes: bytes, after: last), on: lane)
                pages += 1
                // Half of the orders of then and half of those of now are no orders: an order that is missing would look withdrawn.
                guard page.digest == work.digest, let more = page.orders, pages <= Self.mostPages else { throw OrdersChanged() }
                work.orders = (work.orders ?? []) + more
                work.next = page.next
            }
        } catch let error as MessagingError {
            // A conductor of an older release has no pages: the next try asks on the other lane.
            if error.isTooLarge { hasManyOrders = true }
            throw error
        }
        hasManyOrders = false
        return work
    }

    private func question(_ question: AskForWork, on lane: Lane) async throws -> AssignedWork {
        try await messenger.call(question, to: conductor, lane: lane, timeout: settings.answerTimeout)
    }
}

/// The orders changed between two pages; the next round asks anew.
struct OrdersChanged: Error {}
