import CloudModel
import Testing

/// What the API shows, as a table over everything it may know.
@Suite struct ServerStandingTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let what: String
        let standing: ServerStanding
        let status: String
        let task: String?
        var testDescription: String { what }
    }

    static func standing(
        _ last: Int, _ verb: Verb, done: Int, _ state: VMState, progress: String? = nil, hard: Bool = false,
        verdict: ServerStanding.Verdict? = nil
    ) -> ServerStanding {
        ServerStanding(
            lastAction: last, lastVerb: verb, lastRebootIsHard: hard, verdict: verdict, doneThrough: done, progress: progress,
            vmState: state)
    }

    static let rows: [Row] = [
        Row(what: "accepted", standing: standing(1, .create, done: 0, .building), status: "BUILD", task: "scheduling"),
        Row(
            what: "its cell builds it", standing: standing(1, .create, done: 0, .building, progress: "spawning"),
            status: "BUILD",
            task: "spawning"),
        Row(what: "built", standing: standing(1, .create, done: 1, .active), status: "ACTIVE", task: nil),
        Row(what: "the build failed in the cell", standing: standing(1, .create, done: 1, .error), status: "ERROR", task: nil),
        Row(
            what: "no cell could take it", standing: standing(1, .create, done: 0, .building, verdict: .error), status: "ERROR",
            task: nil),
        Row(
            what: "being deleted after a verdict", standing: standing(2, .delete, done: 0, .building, verdict: .error),
            status: "ERROR",
            task: "deleting"),
        Row(what: "to be stopped", standing: standing(2, .stop, done: 1, .active), status: "ACTIVE", task: "powering-off"),
        Row(
            what: "being stopped", standing: standing(2, .stop, done: 1, .active, progress: "powering-off"), status: "ACTIVE",
            task: "powering-off"),
        Row(what: "stopped", standing: standing(2, .stop, done: 2, .stopped), status: "SHUTOFF", task: nil),
        Row(what: "to be started", standing: standing(3, .start, done: 2, .stopped), status: "SHUTOFF", task: "powering-on"),
        Row(what: "to be rebooted", standing: standing(2, .reboot, done: 1, .active), status: "REBOOT", task: "rebooting"),
        Row(
            what: "to be rebooted hard", standing: standing(2, .reboot, done: 1, .active, hard: true), status: "HARD_REBOOT",
            task: "rebooting_hard"),
        Row(
            what: "a stopped server, hard", standing: standing(2, .reboot, done: 1, .stopped, hard: true),
            status: "HARD_REBOOT",
            task: "rebooting_hard"),
        Row(
            what: "a broken server, hard", standing: standing(2, .reboot, done: 1, .error, hard: true), status: "HARD_REBOOT",
            task: "rebooting_hard"),
        Row(what: "a failed stop leaves what was", standing: standing(2, .stop, done: 2, .active), status: "ACTIVE", task: nil),
        Row(
            what: "deleted while building", standing: standing(2, .delete, done: 0, .building), status: "BUILD",
            task: "deleting"),
        Row(
            what: "the cell's word on an earlier action is not shown",
            standing: standing(3, .delete, done: 1, .active, progress: "rebooting"),
            status: "ACTIVE", task: "deleting"),
        Row(what: "gone", standing: standing(2, .delete, done: 2, .deleted), status: "DELETED", task: nil),
    ]

    @Test(arguments: rows) func isShown(row: Row) {
        #expect(row.standing.status == row.status)
        #expect(row.standing.taskState == row.task)
    }

    @Test func aWaiterReadsItsOwnWrites() {
        // From acceptance on, a task is shown until the cell is done with that very action, whatever else it reports meanwhile.
        for verb in Verb.allCases where verb != .create {
            for done in 1..<3 {
                #expect(Self.standing(3, verb, done: done, .active).taskState != nil, "\(verb) done through \(done)")
            }
            #expect(Self.standing(3, verb, done: 3, .active).taskState == nil)
        }
    }

    /// nova.compute.api, `check_instance_state` of each verb.
    static let starts: [VMState: Set<Verb>] = [
        .building: [.delete], .active: [.reboot, .stop, .delete], .stopped: [.start, .delete], .error: [.stop, .delete],
        .deleted: [.delete],
    ]
    /// `ALLOW_HARD_REBOOT` has more of them than `ALLOW_SOFT_REBOOT`.
    static let hardReboots: Set<VMState> = [.active, .stopped, .error]

    @Test(arguments: VMState.allCases) func acceptsFromAQuietState(state: VMState) throws {
        let quiet = Self.standing(1, .create, done: 1, state)
        let allowed = try #require(Self.starts[state])
        for verb in Verb.allCases where verb != .create {
            #expect(quiet.accepts(verb) == allowed.contains(verb), "\(verb) from \(state)")
        }
        #expect(quiet.accepts(.reboot, hardReboot: true) == Self.hardReboots.contains(state), "hard reboot from \(state)")
    }

    @Test(arguments: VMState.allCases) func acceptsOnlyDeleteWhileBusy(state: VMState) {
        let busy = Self.standing(2, .reboot, done: 1, state)
        #expect(Verb.allCases.filter { busy.accepts($0) } == [.delete])
    }

    @Test func whatNoCellTookIsNotBusyAndMayBeDeleted() {
        let judged = Self.standing(1, .create, done: 0, .building, verdict: .error)
        #expect(judged.shownVMState == .error)
        #expect(!judged.isBusy)
        #expect(judged.accepts(.delete))
        #expect(!judged.accepts(.start))
    }
}
