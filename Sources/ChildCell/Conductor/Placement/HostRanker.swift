internal import CellProtocol
internal import CloudModel
internal import Messaging

/// Asks the cell's scheduler to rank hosts. Questions that come together travel together, and one is under way at a time, so that the
/// scheduler's picture of the hosts is the one the question was asked with.
actor HostRanker {
    private let scheduler: PeerName
    private let messenger: any Messenger
    private let book: HostBook
    private let timeout: Duration
    private var number: Int64 = 0
    private var sendWhole = true

    init(scheduler: PeerName, messenger: any Messenger, book: HostBook, timeout: Duration) {
        self.scheduler = scheduler
        self.messenger = messenger
        self.book = book
        self.timeout = timeout
    }

    /// One elimination for each request. Called by one batch at a time.
    ///
    /// - Throws: `CloudError.unavailable` when the scheduler doesn't answer: the cell can't place anything then, and says so.
    func callAsFunction(_ requests: [RankHosts.Request]) async throws -> [Elimination] {
        do {
            let requests = requests.map(\.needed)
            do {
                if let reply = try await ask(requests, whole: sendWhole) { return reply }
            } catch let error as MessagingError where error.isTooLarge {
                // More has changed than the control lane carries: all hosts, on the other.
            }
            if let reply = try await ask(requests, whole: true) { return reply }
        } catch let error as MessagingError {
            sendWhole = true
            throw CloudError(.unavailable, "The scheduler of the cell isn't answering.", cause: error)
        }
        sendWhole = true
        throw CloudError(.unavailable, "The scheduler of the cell has lost its picture of the hosts.")
    }

    private func ask(_ requests: [RankHosts.Request], whole: Bool) async throws -> [Elimination]? {
        number += 1
        sendWhole = true  // until the scheduler has said that it took these
        var states = HostStates(number: number, isWhole: whole, hosts: await book.takeChanges(whole: whole))
        let reply: RankHosts.Reply
        do {
            reply = try await send(RankHosts(states: states, requests: requests), lane: whole ? .bulk : .control)
        } catch let error as MessagingError where whole && error.isTooLarge {
            // Which images hosts have only prefers one to the other: rather without it than no placement at all.
            for index in states.hosts.indices { states.hosts[index].cachedImages = [] }
            reply = try await send(RankHosts(states: states, requests: requests), lane: .bulk)
        }
        guard reply.isCurrent, reply.eliminations.count == requests.count else { return nil }
        sendWhole = false
        return reply.eliminations
    }

    private func send(_ question: RankHosts, lane: Lane) async throws -> RankHosts.Reply {
        try await messenger.call(question, to: scheduler, lane: lane, timeout: timeout)
    }
}

extension RankHosts.Request {
    /// Without what tenants write: no rule reads it, and 64 servers of it are more than a message.
    fileprivate var needed: Self {
        var request = self
        request.spec.metadata = [:]
        request.spec.publicKey = nil
        request.spec.userData = nil
        return request
    }
}
