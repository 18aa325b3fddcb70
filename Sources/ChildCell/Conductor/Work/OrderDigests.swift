internal import CellProtocol
internal import CloudModel

/// The digest of each host's orders, kept in memory so that a host's idle question costs no query.
actor OrderDigests {
    private var digests: [HostName: WorkDigest] = [:]
    private var changes: [HostName: Int] = [:]
    /// Of all hosts at once.
    private var commonChanges = 0

    func digest(of host: HostName) -> WorkDigest? { digests[host] }

    /// Remembered before orders are read, so that a digest which a change has overtaken is not kept.
    func changeCount(of host: HostName) -> Int { commonChanges + changes[host, default: 0] }

    func keep(_ digest: WorkDigest, of host: HostName, readAt count: Int) {
        if changeCount(of: host) == count { digests[host] = digest }
    }

    func forget(_ hosts: Set<HostName>) {
        for host in hosts {
            digests[host] = nil
            changes[host, default: 0] += 1
        }
    }

    func forgetAll() {
        commonChanges += 1
        digests = [:]
    }
}
