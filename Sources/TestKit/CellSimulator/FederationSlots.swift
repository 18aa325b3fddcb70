/// How many simulated federations a test process has at a time. More would wait for the processor instead of for their timeouts, and ask
/// PostgreSQL for more connections than it has.
actor FederationSlots {
    static let shared = FederationSlots(6)

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    func take() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func giveBack() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
