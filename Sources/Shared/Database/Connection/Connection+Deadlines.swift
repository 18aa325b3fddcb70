internal import CLibPQ
internal import Synchronization

extension Connection {
    /// Makes sure `checkDeadlines` runs at `time` or before. Timers are left to fire rather than moved, so a statement that ends in
    /// time costs nothing here.
    func setTimer(_ time: Int64) {
        guard time < timerAt else { return }
        timerAt = time
        PollThread.shared.setTimer(token, at: time)
    }

    func checkDeadlines() {
        let now = PollThread.now()
        guard timerAt <= now else { return }  // an earlier timer took this one's place
        timerAt = .max
        switch phase {
        case .closed: return
        case .connecting:
            if now >= connectDeadline {
                return fail(timedOut("PostgreSQL did not complete the connection in time."))
            }
            return setTimer(connectDeadline)
        case .ready: break
        }
        guard let next = failOverdue(now) else { return }
        checkHeartbeat(now)
        if next < .max { setTimer(next) }
    }

    /// Fails what waited too long; nil when the connection was given up, else the next deadline.
    private func failOverdue(_ now: Int64) -> Int64? {
        guard let head = operations.first else { return .max }
        // The first one is the one the server works on. The server ends it itself after its timeout; a server that has not even
        // said that, a little later, is stopped or unreachable.
        let headLimit = head.startedAt + (head.timeout + settings.grace).nanoseconds
        if now >= headLimit {
            fail(timedOut("PostgreSQL did not answer in time."))
            return nil
        }
        var next = headLimit
        operations.forEach { operation in
            guard operation.isWaitedFor else { return }
            if now >= operation.deadline {
                operation.isAbandoned = true
                if operation === head {  // a cancel that came before the statement had begun was ignored: once more
                    operation.cancelSent = false
                    sendCancel(for: operation)
                }
                operation.fail(operation.cancelRequested ? CancellationError() : waitedTooLong)
            } else {
                next = min(next, operation.deadline)
            }
        }
        return next
    }

    private func timedOut(_ message: String) -> DatabaseError {
        DatabaseError(.timeout, .connectionFailure, message)
    }

    private var waitedTooLong: DatabaseError {
        DatabaseError(.timeout, .queryCanceled, "The statement waited too long behind others on its connection.")
    }

    /// Asks for a sign of life when nothing was heard for a while; the answer has its own deadline.
    private func checkHeartbeat(_ now: Int64) {
        guard let heartbeat = settings.heartbeat?.nanoseconds else { return }
        if operations.isEmpty, now - lastHeard >= heartbeat {
            start(Operation(.one("SELECT 1"), on: self, timeout: settings.statementTimeout, isAtomic: false))
        }
        setTimer(max(now, lastHeard) + heartbeat)
    }

    // MARK: Cancelling

    /// The task that waits for the operation was cancelled. It is told as soon as the server has ended the statement, at the latest
    /// after the grace period.
    func cancel(_ operation: Operation) {
        operation.cancelRequested = true
        guard operation.isWaitedFor, operation.deadline < .max else { return }  // ended, or not started: `start` refuses it
        operation.deadline = min(operation.deadline, PollThread.now() + settings.grace.nanoseconds)
        setTimer(operation.deadline)
        if operations.first === operation { sendCancel(for: operation) }  // else when its turn comes: `headChanged`
    }

    func sendCancel(for operation: Operation) {
        guard let pg, !operation.cancelSent else { return }
        operation.cancelSent = true
        guard let handle = PQgetCancel(pg) else { return }
        hasSentCancels = true
        cancelsInFlight.add(1, ordering: .relaxed)
        Canceller.shared.send(CancelHandle(handle) { self.cancelsInFlight.subtract(1, ordering: .releasing) })
    }
}
