package import CellProtocol
package import CloudModel

/// The engine that runs a host's guests. `LibvirtHypervisor` drives QEMU, `SimulatedHypervisor` keeps guests in a table; one
/// contract test suite (Tests/Host) holds for both.
///
/// Verbs may be called concurrently for different servers; the agent calls one at a time per server. Each is idempotent: what is
/// so already is not an error. They throw `CloudError`: `.unavailable` when the hypervisor can't be reached and trying again
/// makes sense, `.conflict` for a guest of a later placement (or a define of a server that exists), `.notFound` for a guest that
/// isn't there, anything else for good.
package protocol Hypervisor: Sendable {
    /// What the host has. Asked seldom; may take seconds the first time (a trial boot decides between KVM and TCG).
    func describe() async throws -> HypervisorDescription

    /// Every guest of ours, running or not. Guests that others made are not listed and never touched.
    func guests() async throws -> [Guest]

    /// One of them; nil: it isn't here, or not ours.
    func guest(_ server: ServerID) async throws -> Guest?

    /// Makes the disk and the definition, with `appliedRevision` 0 and power off. The caller has made sure that the server isn't
    /// here: defining it twice throws `.conflict`.
    func define(_ plan: GuestPlan) async throws -> Guest

    /// Switches it on.
    func start(_ server: ServerID) async throws

    /// Asks the guest to power off, and cuts the power when it hasn't by `patience`.
    func stop(_ server: ServerID, patience: Duration) async throws

    /// Soft: asks the guest to restart, and falls back to hard when it hasn't by `patience`. Hard: cuts and restores the power. A guest
    /// that is off is switched on by either.
    func reboot(_ server: ServerID, _ kind: WorkOrder.Reboot, patience: Duration) async throws

    /// Destroys the guest with its definition and its disk. Throws `.conflict` and does nothing when the guest's epoch is higher
    /// than `epoch`. Clears leftovers of a define that was killed half-way, too.
    func destroy(_ server: ServerID, epoch: PlacementEpoch) async throws

    /// Writes down that the order's revision has been carried out. Throws `.conflict` for an epoch or revision below the guest's.
    func setApplied(_ server: ServerID, revision: Int64, epoch: PlacementEpoch) async throws

    /// The tail of the serial console's log: at most `lines` lines (nil: all that is kept) and `consoleBytesShown` bytes.
    func consoleOutput(_ server: ServerID, lines: Int?) async throws -> String

    /// What the hypervisor notices by itself, from now on: a stream of its own for each reader.
    var events: AsyncStream<HypervisorEvent> { get }
}

/// How much of a console one answer shows: as much as Nova's (`MAX_CONSOLE_BYTES`).
package let consoleBytesShown = 102_400

extension Hypervisor {
    /// The last `lines` lines of `bytes`, bounded, with what isn't UTF-8 replaced.
    package func consoleTail(of bytes: some BidirectionalCollection<UInt8>, lines: Int?) -> String {
        var tail = Array(bytes.suffix(consoleBytesShown))
        if let lines {
            guard lines > 0 else { return "" }
            var left = lines
            // The newline that ends the last line starts no new one.
            var at = tail.last == UInt8(ascii: "\n") ? tail.count - 1 : tail.count
            while at > 0 {
                if tail[at - 1] == UInt8(ascii: "\n") {
                    left -= 1
                    if left == 0 { break }
                }
                at -= 1
            }
            tail.removeFirst(at)
        }
        return String(decoding: tail, as: UTF8.self)
    }
}
