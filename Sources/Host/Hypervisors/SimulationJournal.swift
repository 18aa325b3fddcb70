package import CellProtocol
package import CloudModel
import Foundation

/// The simulated guests of one host on disk: one line per change, appended by one write(2), so that a change costs the same
/// however many guests there are, and `kill -9` of the agent leaves every guest as it was, as QEMU's are left. Not synced: it has
/// to survive the process, not the machine.
///
/// It is also the witness of the tests: what must never happen (a server spawned twice, or for an older placement) is written down
/// as a violation, and history is kept, so that a test can tell when a guest ran where.
package struct SimulationJournal: Sendable {
    /// One line.
    package struct Entry: Codable, Sendable, Hashable {
        package enum Event: String, Codable, Sendable {
            case defined, power, applied, destroyed, violation
        }
        package var event: Event
        package var server: ServerID
        package var at: Timestamp
        package var epoch: PlacementEpoch?
        package var revision: Int64?
        package var power: PowerState?
        package var spec: ServerSpec?
        /// What was violated.
        package var note: String?

        package init(
            _ event: Event, _ server: ServerID, at: Timestamp, epoch: PlacementEpoch? = nil, revision: Int64? = nil,
            power: PowerState? = nil, spec: ServerSpec? = nil, note: String? = nil
        ) {
            self.event = event
            self.server = server
            self.at = at
            self.epoch = epoch
            self.revision = revision
            self.power = power
            self.spec = spec
            self.note = note
        }
    }

    /// What follows from the lines of a journal.
    package struct Contents: Sendable {
        package var guests: [ServerID: Guest] = [:]
        /// The placement under which a server last ran here, and was destroyed by order.
        package var destroyed: [ServerID: PlacementEpoch] = [:]
        package var highestEpoch: [ServerID: PlacementEpoch] = [:]
        package var hasRun: Set<ServerID> = []
        package var violations: [Entry] = []
        /// Every line, oldest first. Kept by `read`, and by a running hypervisor that is told to.
        package var history: [Entry] = []

        package init() {}

        mutating func apply(_ entry: Entry) {
            switch entry.event {
            case .defined:
                let epoch = entry.epoch ?? .none
                guests[entry.server] = Guest(
                    server: entry.server, epoch: epoch, appliedRevision: 0, power: .shutdown, spec: entry.spec)
                highestEpoch[entry.server] = max(epoch, highestEpoch[entry.server] ?? .none)
            case .power:
                guests[entry.server]?.power = entry.power ?? .noState
                if entry.power == .running { hasRun.insert(entry.server) }
            case .applied:
                if let revision = entry.revision { guests[entry.server]?.appliedRevision = revision }
                if let epoch = entry.epoch {
                    guests[entry.server]?.epoch = epoch
                    highestEpoch[entry.server] = max(epoch, highestEpoch[entry.server] ?? .none)
                }
            case .destroyed:
                // Without an epoch nobody ordered it: the guest was lost, and may be built anew.
                if let guest = guests.removeValue(forKey: entry.server), hasRun.contains(entry.server), entry.epoch != nil {
                    destroyed[entry.server] = guest.epoch
                }
            case .violation:
                violations.append(entry)
            }
        }
    }

    /// Reads a journal, also while its host runs. A missing file is an empty one; a line cut short by a kill is left out.
    package static func read(_ path: String) throws -> Contents {
        var contents = Contents()
        for entry in try entries(path) {
            contents.apply(entry)
            contents.history.append(entry)
        }
        return contents
    }

    private final class File: Sendable {
        let descriptor: Int32
        init(descriptor: Int32) { self.descriptor = descriptor }
        deinit { close(descriptor) }
    }

    private let file: File?

    /// A journal that is kept nowhere.
    init() { file = nil }

    /// Opens or makes the file, and returns what it says so far.
    static func open(_ path: String) throws -> (SimulationJournal, Contents) {
        var contents = Contents()
        for entry in try entries(path) { contents.apply(entry) }
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw CloudError(
                .internalError, "The simulated guests' journal can't be opened.", detail: "\(path): errno \(errno)")
        }
        // A line that a kill cut short gets its end, so that the next one is whole.
        let size = lseek(descriptor, 0, SEEK_END)
        var last = UInt8(ascii: "\n")
        if size > 0 { pread(descriptor, &last, 1, size - 1) }
        if last != UInt8(ascii: "\n") { write(descriptor, "\n", 1) }
        return (SimulationJournal(file: File(descriptor: descriptor)), contents)
    }

    private init(file: File) { self.file = file }

    func append(_ entry: Entry) throws {
        guard let file else { return }
        let line = try CellCoding.encode(entry) + [UInt8(ascii: "\n")]
        guard write(file.descriptor, line, line.count) == line.count else {
            throw CloudError(.internalError, "The simulated guests' journal can't be written.", detail: "errno \(errno)")
        }
    }

    private static func entries(_ path: String) throws -> [Entry] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try Data(contentsOf: URL(fileURLWithPath: path)).split(separator: UInt8(ascii: "\n")).compactMap {
            try? CellCoding.decode(Entry.self, from: Array($0))
        }
    }
}
