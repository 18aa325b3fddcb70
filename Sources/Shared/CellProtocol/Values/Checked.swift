package import CloudModel

// What hosts and cells say of themselves is believed only within reason: a broken or compromised one must not be able to stop those that
// it speaks to, nor its neighbours. Numbers out of reason are refused; texts are cut, and steps of no known time left out.

/// A message whose numbers can't be true.
package struct Unbelievable: Error, Hashable, CustomStringConvertible {
    package let description: String
    package init(description: String) { self.description = description }
}

extension Observation {
    /// Bytes of a sentence or note. Longer ones help nobody, and 64 of them travel with a report and are kept with the action; shorter
    /// ones would cut the causes off errors.
    package static let longestText = 1_024
    /// Bytes of a word: the name of a step, a place, a state of progress.
    package static let longestWord = 255
    /// Steps of a report. A build takes a dozen; more would let one server fill the database, fewer would lose a build's retries.
    package static let mostSteps = 64
    /// Revisions and epochs. They count changes, so a larger one is forged; it would leave no room to count on.
    package static let numbers: ClosedRange<Int64> = 0...(1 << 53)

    /// As it may be stored.
    package func checked(at now: Timestamp) throws(Unbelievable) -> Observation {
        for number in [appliedRevision, failedRevision ?? 0, epoch.rawValue] where !Self.numbers.contains(number) {
            throw Unbelievable(description: "revision or epoch \(number) of server \(server)")
        }
        var checked = self
        checked.failure = failure?.storable(atMost: Self.longestText)
        checked.progress = progress?.storable(atMost: Self.longestWord)
        checked.steps = steps.believed(at: now)
        return checked
    }
}

extension [TraceStep] {
    /// The classic flow has 29 steps.
    private static let mostNumbers = 32
    /// No action lasts longer, and no clock that serves is further off: wider would let a step be shown among those of other centuries.
    private static let reach = Duration.seconds(365 * 86_400)

    /// The steps that may be stored, cut to size; of a host that tells what it has just done, those of this year.
    package func believed(at now: Timestamp? = nil) -> [TraceStep] {
        let times = now.map { ($0 - Self.reach)...($0 + Self.reach) }
        let known = filter { step in times.map { $0.contains(step.started) && $0.contains(step.ended) } ?? true }
        return known.prefix(Observation.mostSteps).map { step in
            var step = step
            step.name = step.name.storable(atMost: Observation.longestWord)
            step.place = step.place.storable(atMost: Observation.longestWord)
            step.note = step.note?.storable(atMost: Observation.longestText)
            step.classic = Array<Int>(step.classic.prefix(Self.mostNumbers))
            return step
        }
    }
}

extension ResourceSize {
    /// MiB, GiB and cores of a machine: beyond a pebibyte of memory nothing is real, and the columns that sum them would overflow.
    package static let believed = 0...(1 << 30)

    package var isBelievable: Bool {
        Self.believed.contains(vcpus) && Self.believed.contains(ram) && Self.believed.contains(disk)
    }
}

extension HostInventory {
    /// Traits and images of a host. They travel to the scheduler with every host; hosts have dozens.
    private static let mostTraits = 256
    private static let mostImages = 1_024

    /// As it may be stored.
    package func checked() throws(Unbelievable) -> HostInventory {
        guard size.isBelievable else {
            throw Unbelievable(description: "a size of \(size.vcpus) cores, \(size.ram) MiB, \(size.disk) GiB")
        }
        guard ResourceSize.believed.contains(hypervisorVersion) else {
            throw Unbelievable(description: "hypervisor version \(hypervisorVersion)")
        }
        var checked = self
        checked.hypervisorType = hypervisorType.storable(atMost: Observation.longestWord)
        checked.acceleration = acceleration.storable(atMost: Observation.longestWord)
        checked.zone = ZoneName(zone.rawValue.storable(atMost: Observation.longestWord))
        checked.address = address.storable(atMost: Observation.longestWord)
        checked.traits = traits.prefix(Self.mostTraits).map { $0.storable(atMost: Observation.longestWord) }
        checked.cachedImages = cachedImages.prefix(Self.mostImages).map { $0.storable(atMost: Observation.longestWord) }
        return checked
    }
}

extension HostHello {
    /// Bytes of a spec that a host keeps beside a guest. The API allows about 40 KB; more is none of ours, and would be kept for as long as
    /// the guest is listed.
    private static let largestSpec = 128 * 1_024

    private static func believed(_ spec: ServerSpec) -> ServerSpec? {
        guard spec.bytesAtMost <= largestSpec else { return nil }
        var spec = spec
        spec.name = spec.name.storable(atMost: Observation.longestText)
        return spec
    }

    /// As it may be stored.
    package func checked(at now: Timestamp) throws(Unbelievable) -> HostHello {
        var checked = self
        checked.inventory = try inventory.checked()
        checked.release = release.storable(atMost: Observation.longestWord)
        for index in guests.indices {
            checked.guests[index].observation = try guests[index].observation.checked(at: now)
            checked.guests[index].spec = guests[index].spec.flatMap(Self.believed)
            guard Observation.numbers.contains(guests[index].ordered ?? 0) else {
                throw Unbelievable(description: "an order of revision \(guests[index].ordered ?? 0)")
            }
        }
        return checked
    }
}

extension FeedChange {
    /// What a cell reports, as the API cell may store and sum it. Throws for numbers that can't be true.
    package func checked() throws(Unbelievable) -> FeedChange {
        switch self {
        case .server(let report):
            var report = report
            try Self.believe(report.revision, report.epoch.rawValue, Int64(report.doneThrough))
            report.progress = report.progress?.storable(atMost: Observation.longestWord)
            report.instanceName = report.instanceName.storable(atMost: Observation.longestWord)
            report.refused = report.refused?.storable(atMost: Observation.longestText)
            if var fault = report.fault {
                fault.message = fault.message.storable(atMost: Observation.longestText)
                report.fault = fault
            }
            return .server(report)
        case .action(let report):
            var report = report
            try Self.believe(report.epoch.rawValue, Int64(report.number))
            report.message = report.message?.storable(atMost: Observation.longestText)
            report.steps = report.steps.believed()
            return .action(report)
        case .host(let report):
            var report = report
            report.inventory = try report.inventory.checked()
            try Self.believe(report.revision)
            guard report.used.isBelievable, ResourceSize.believed.contains(report.servers) else {
                throw Unbelievable(description: "what is used of host \(report.name)")
            }
            report.release = report.release.storable(atMost: Observation.longestWord)
            report.disabledReason = report.disabledReason?.storable(atMost: Observation.longestText)
            return .host(report)
        case .attributes, .hostStanding: return self
        }
    }

    private static func believe(_ numbers: Int64...) throws(Unbelievable) {
        for number in numbers where !Observation.numbers.contains(number) {
            throw Unbelievable(description: "number \(number) in a report")
        }
    }
}
