import CellProtocol
import CloudModel
import Testing

/// What a host or a cell says of itself that can't be true.
@Suite struct CheckedTests {
    private let now = Sample.later

    @Test func whatIsInOrderStaysAsItIs() throws {
        #expect(try Sample.observation.checked(at: now) == Sample.observation)
        #expect(try Sample.inventory.checked() == Sample.inventory)
        let hello = HostHello(
            inventory: Sample.inventory, guests: [.init(observation: Sample.observation, spec: Sample.spec, ordered: 7)],
            release: "0.1")
        #expect(try hello.checked(at: now).guests == hello.guests)
        #expect(try FeedChange.server(Sample.report).checked() == .server(Sample.report))
    }

    @Test(arguments: [Int64.max, .min, -1, 1 << 53 + 1])
    func aRevisionThatNobodyCanHaveCountedIsRefused(_ number: Int64) {
        var applied = Sample.observation
        applied.appliedRevision = number
        var failed = Sample.observation
        failed.failedRevision = number
        var placed = Sample.observation
        placed.epoch = PlacementEpoch(number)
        for observation in [applied, failed, placed] {
            #expect(throws: Unbelievable.self) { try observation.checked(at: now) }
        }
        let hello = HostHello(
            inventory: Sample.inventory, guests: [.init(observation: Sample.observation, spec: nil, ordered: number)],
            release: "")
        #expect(throws: Unbelievable.self) { try hello.checked(at: now) }
        var report = Sample.report
        report.revision = number
        #expect(throws: Unbelievable.self) { try FeedChange.server(report).checked() }
    }

    @Test(arguments: [Int.max, .min, -1, 1 << 30 + 1])
    func aSizeOfNoMachineIsRefused(_ number: Int) {
        for path in [\ResourceSize.vcpus, \.ram, \.disk] {
            var inventory = Sample.inventory
            inventory.size[keyPath: path] = number
            #expect(throws: Unbelievable.self) { try inventory.checked() }
        }
    }

    @Test func textsAreCutAndLoseTheirNULs() throws {
        var observation = Sample.observation
        observation.failure = "It \0broke" + String(repeating: "é", count: 10_000)
        observation.progress = "spaw\0ning"
        observation.steps[0].note = String(repeating: "n", count: 10_000)
        let checked = try observation.checked(at: now)
        #expect(checked.failure?.utf8.count ?? 0 <= Observation.longestText)
        #expect(checked.failure?.hasPrefix("It brokeéé") == true)
        #expect(checked.progress == "spawning")
        #expect(checked.steps[0].note?.utf8.count == Observation.longestText)
    }

    @Test func aSpecThatNoTenantCanHaveWrittenIsLeftOut() throws {
        func checked(_ change: (inout ServerSpec) -> Void) throws -> ServerSpec? {
            var spec = Sample.spec
            change(&spec)
            let hello = HostHello(
                inventory: Sample.inventory, guests: [.init(observation: Sample.observation, spec: spec)], release: "")
            return try hello.checked(at: now).guests[0].spec
        }
        #expect(try checked { $0.name = String(repeating: "n", count: 5_000) }?.name.utf8.count == Observation.longestText)
        #expect(try checked { $0.metadata = ["a": String(repeating: "x", count: 200_000)] } == nil)
    }

    @Test func stepsOfOtherCenturiesAreLeftOutAndSoAreTooMany() throws {
        var observation = Sample.observation
        var ancient = Sample.step
        ancient.started = Timestamp(microseconds: .min)
        var distant = Sample.step
        distant.ended = Timestamp(microseconds: .max)
        observation.steps = [ancient, Sample.step, distant]
        #expect(try observation.checked(at: now).steps == [Sample.step])
        observation.steps = Array(repeating: Sample.step, count: 1_000)
        #expect(try observation.checked(at: now).steps.count == Observation.mostSteps)
    }
}
