import CellProtocol
import CloudModel
import Hypervisors
import Logging
import Messaging
import Observability

/// The agent's rounds: look, say hello, ask, act. Woken by the conductor, by its own work, and by period.
extension HostAgent {
    func followLink() async {
        for await event in messenger.events(of: [conductor.role]) {
            switch event {
            case .joined(conductor):
                isWelcome = false
                failures = 0
                round.ring()
            case .lost(conductor):
                isWelcome = false
            case .joined, .lost: break
            }
        }
    }

    func followHypervisor() async {
        for await event in hypervisor.events {
            switch event {
            case .changed(let server, let power):
                await noticed(power, of: server)
            case .reconnected:
                mustLook = true
                round.ring()
            }
        }
    }

    /// An event may be older than what has been done since, so it is only a hint to look.
    private func noticed(_ power: PowerState, of server: ServerID) async {
        if let work = reconciler.work(server) {
            // Our own doing, or the guest's? Where it isn't what the work leads to, the listing after it tells.
            if !work.verb.leads(to: power) { mustLook = true }
            return
        }
        let mark = reconciler.mark()
        do {
            reconciler.see(try await hypervisor.guest(server), of: server, since: mark)
        } catch {
            mustLook = true
            round.ring()
        }
        act()
    }

    /// Rings for a round every period, whatever happens.
    func keepTime() async {
        while !Task.isCancelled {
            round.ring()
            // Hosts that started together don't ask together for ever.
            try? await Task.sleep(for: period * Double.random(in: 0.9...1.1))
        }
    }

    func makeRounds() async {
        try? await round.forEach(atLeastEvery: .seconds(3_600)) { await self.makeRound() }
    }

    private func makeRound() async {
        if !(await look()) { retryLook() }
        // Orders are compared with guests: until the guests are known, none is looked at.
        guard hasAdopted else { return }
        act()
        do {
            try await sayHello()
            try await ask()
            failures = 0
        } catch is CancellationError {
            return
        } catch {
            failures += 1
            if failures == 1 { log.notice("conductor doesn't answer", metadata: [.peer: "\(conductor)", .error: "\(error)"]) }
            if failures <= Self.quickRetries { retry.ring() }
        }
    }

    /// 0.25, 0.5, 1, 2, 4 s after a failure, then the period's turn: a lost message costs little, a dead conductor isn't drummed upon.
    func retryRounds() async {
        try? await retry.forEach(atLeastEvery: .seconds(3_600)) {
            let failures = await max(self.failures, self.failedLooks)
            guard failures > 0 else { return }
            try await Task.sleep(for: .milliseconds(125 << min(failures, Self.quickRetries)))
            self.round.ring()
        }
    }

    private static let quickRetries = 5

    /// Lists the guests: at the start, by period, and when something happened that events didn't tell.
    private func look() async -> Bool {
        let now = ContinuousClock.now
        let isDue = lastLook.map { now - $0 >= period } ?? true
        guard mustLook || isDue || !hasAdopted else { return true }
        mustLook = false
        let mark = reconciler.mark()
        do {
            let guests = try await hypervisor.guests()
            reconciler.see(guests, since: mark)
            // A guest that a dead agent's call brought up after we had looked: its cell has to hear of it.
            if hasAdopted, !reconciler.strangers.isSubset(of: strangersSaid) { isWelcome = false }
            lastLook = now
            if !hasAdopted {
                hasAdopted = true
                log.info("guests adopted", metadata: [.count: "\(guests.count)"])
            }
            failedLooks = 0
            return true
        } catch {
            mustLook = true
            failedLooks += 1
            if failedLooks == 1 { log.warning("guests can't be listed", metadata: [.error: "\(error)"]) }
            return false
        }
    }

    /// A hypervisor that restarts is back within seconds, and its guests' changes are not known until then.
    private func retryLook() {
        if failedLooks <= Self.quickRetries { retry.ring() }
    }

    private func sayHello() async throws {
        let inventory = try await inventory()
        guard !isWelcome || inventory != inventorySaid else { return }
        let hello = HostHello(inventory: inventory, guests: reconciler.holdings, release: settings.release)
        let greeting = try Greeting(hello)
        let welcome = try await messenger.call(
            greeting.hello, to: conductor, lane: greeting.lane, timeout: settings.answerTimeout)
        if !isWelcome {
            reports.forgetAcknowledged()
            reconciler.tellAgain()
            queueReports()
        }
        isWelcome = true
        strangersSaid = Set(hello.guests.map(\.observation.server))
        inventorySaid = inventory
        digest = nil
        if welcome.reconcileMilliseconds > 0 {
            period = max(.milliseconds(100), min(.seconds(60), .milliseconds(welcome.reconcileMilliseconds)))
        }
        log.info("conductor welcomed this host", metadata: [.peer: "\(conductor)", .count: "\(hello.guests.count)"])
    }

    private func ask() async throws {
        let asked = Timestamp.now()
        let answer = try await askForOrders()
        if answer.tellAgain == true {
            isWelcome = false
            round.ring()
        }
        guard let orders = answer.orders else { return }
        digest = answer.digest
        let came = Timestamp.now()
        for order in orders {
            let known = reconciler.orders[order.server]
            guard known?.revision != order.revision || known?.epoch != order.epoch else { continue }
            ordered[order.server] = (asked, came)
            // What it asks for may be done already, and told when the conductor had no record to note it in.
            if reconciler.hasCarriedOut(order) { reports.forgetAcknowledged(order.server) }
        }
        reconciler.assign(orders)
        act()
    }

    /// Begins what there is to begin, and queues what there is to report.
    func act() {
        for action in reconciler.decide(now: .now()) {
            switch action {
            case .begin(let work):
                noteOrder(work.order)
                begin(work)
            case .interrupt(let server):
                interruptions[server]?.yield()
            }
        }
        queueReports()
    }

    private func noteOrder(_ order: WorkOrder) {
        guard let times = ordered.removeValue(forKey: order.server) else { return }
        let step = TraceStep(
            "host.order", classic: [13, 14, 15, 16, 17, 18, 19], place: settings.host.rawValue, started: times.asked,
            ended: times.came)
        reports.add(step, to: order.server)
    }
}

extension Reconciler.Verb {
    /// Whether a guest passes through this power while the work is done as it should.
    fileprivate func leads(to power: PowerState) -> Bool {
        switch (self, power) {
        case (.build, .running), (.start, .running), (.record, .running): true
        case (.stop, .shutdown), (.destroy, .shutdown): true
        case (.softReboot, .shutdown), (.softReboot, .running), (.hardReboot, .shutdown), (.hardReboot, .running): true
        case (_, _): false
        }
    }
}
