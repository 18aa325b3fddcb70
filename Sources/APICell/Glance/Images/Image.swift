package import CloudModel

/// One row of `glance.images`.
package struct Image: Sendable, Identifiable {
    package var id: ImageID
    package var name: String?
    package var status: ImageStatus
    package var visibility: ImageVisibility
    package var owner: ProjectID?
    /// A protected image can't be deleted.
    package var isProtected: Bool
    /// A hidden image boots but isn't listed.
    package var isHidden: Bool
    package var diskFormat: DiskFormat?
    package var containerFormat: ContainerFormat?
    /// GiB of disk a flavor must have.
    package var minDisk: Int
    /// MiB of memory a flavor must have.
    package var minRAM: Int
    /// Bytes; nil until the data is there.
    package var size: Int64?
    /// Bytes of the disk inside; nil when unknown.
    package var virtualSize: Int64?
    /// MD5 in hex, for old clients; never a proof of anything.
    package var checksum: String?
    /// SHA-512 in hex: what hosts verify.
    package var sha512: String?
    package var tags: [String]
    /// What users added: `os_distro`, `hw_disk_bus`, …
    package var properties: [String: String]
    /// Counts changes; an update names the revision that it read.
    package var revision: Int64 = 0
    package var createdAt: Timestamp
    package var updatedAt: Timestamp
}
