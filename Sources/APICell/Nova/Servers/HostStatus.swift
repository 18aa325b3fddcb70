/// Nova's `host_status` (2.16): what is known of the host that a server is on.
enum HostStatus: String, Sendable {
    case up = "UP"
    case down = "DOWN"
    /// Nothing is heard of its cell.
    case unknown = "UNKNOWN"
    /// It takes no new servers, by an operator's word.
    case maintenance = "MAINTENANCE"

    init(isUp: Bool, isEnabled: Bool, isHeard: Bool) {
        self = !isEnabled ? .maintenance : !isHeard ? .unknown : isUp ? .up : .down
    }
}
