package import CloudModel

// A simulator is named for its hosts: `simulator:sim.tunis` has the hosts `sim-1.tunis`, `sim-2.tunis` and so on.
extension PeerName {
    package static func simulator(_ prefix: String, of cell: CellName) -> PeerName {
        PeerName(.simulator, "\(prefix).\(cell)")
    }

    /// Whether this peer may speak for a host over its own link to `receiver`: by name alone, only for simulated hosts of the receiver's
    /// own region, and so that each host's name belongs to one simulator.
    package func speaks(for host: PeerName, to receiver: PeerName) -> Bool {
        guard role == .simulator, host.role == .host, receiver.role == .cell else { return false }
        let region = "." + receiver.name
        guard name.hasSuffix(region), host.name.hasSuffix(region) else { return false }
        let (prefix, short) = (name.dropLast(region.count), host.name.dropLast(region.count))
        guard !prefix.isEmpty, short.hasPrefix(prefix + "-") else { return false }
        return Self.isNumber(short.dropFirst(prefix.count + 1))
    }

    /// As a simulator writes it: 1 to 9 digits, the first of them not 0.
    private static func isNumber(_ text: Substring) -> Bool {
        (1...9).contains(text.utf8.count) && text.first != "0" && text.utf8.allSatisfy { (48...57).contains($0) }
    }
}
