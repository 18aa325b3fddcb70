package import CloudModel

/// What a host needs to build a server. Travels from the API cell with the create intent and is stored by the cell, which can
/// restart the server from it with the API cell gone.
package struct ServerSpec: Codable, Sendable, Hashable {
    package var name: String
    /// The guest's host name: the server's name reduced to what RFC 1123 allows.
    package var hostname: String
    package var project: ProjectID
    package var user: UserID
    package var flavor: Flavor
    /// Nil for a server without an image (none today: boot from volume will be).
    package var image: ImageReference?
    /// The zone that was asked for; binds the server's moves. Nil: anywhere.
    package var zone: ZoneName?
    package var metadata: [String: String]
    package var keyName: String?
    /// One line in OpenSSH's format.
    package var publicKey: String?
    /// Sealed for the compute host, never in clear (nothing seals it yet: nil).
    package var userData: String?
    package var configDrive: Bool
    package var group: GroupConstraint?
    package var hints: [String: String]

    package init(
        name: String, hostname: String, project: ProjectID, user: UserID, flavor: Flavor, image: ImageReference?,
        zone: ZoneName? = nil, metadata: [String: String] = [:], keyName: String? = nil, publicKey: String? = nil,
        userData: String? = nil, configDrive: Bool = false, group: GroupConstraint? = nil, hints: [String: String] = [:]
    ) {
        self.name = name
        self.hostname = hostname
        self.project = project
        self.user = user
        self.flavor = flavor
        self.image = image
        self.zone = zone
        self.metadata = metadata
        self.keyName = keyName
        self.publicKey = publicKey
        self.userData = userData
        self.configDrive = configDrive
        self.group = group
        self.hints = hints
    }
}

/// An image as it was when the server was created: its content can't change under its checksum.
package struct ImageReference: Codable, Sendable, Hashable {
    package var id: ImageID
    package var name: String
    /// `qcow2`, `raw`, …
    package var diskFormat: String
    /// Bytes.
    package var size: Int64
    /// Lower-case hex of the SHA-512 over the data.
    package var sha512: String
    /// GiB and MiB the image asks for at least.
    package var minDisk: Int
    package var minRAM: Int

    package init(id: ImageID, name: String, diskFormat: String, size: Int64, sha512: String, minDisk: Int = 0, minRAM: Int = 0)
    {
        self.id = id
        self.name = name
        self.diskFormat = diskFormat
        self.size = size
        self.sha512 = sha512
        self.minDisk = minDisk
        self.minRAM = minRAM
    }
}

/// A server group's rule.
package struct GroupConstraint: Codable, Sendable, Hashable {
    package enum Policy: String, Codable, Sendable {
        case affinity
        case antiAffinity = "anti-affinity"
        case softAffinity = "soft-affinity"
        case softAntiAffinity = "soft-anti-affinity"
    }
    package var id: ServerGroupID
    package var policy: Policy
    package var maxServersPerHost: Int

    package init(id: ServerGroupID, policy: Policy, maxServersPerHost: Int = 1) {
        self.id = id
        self.policy = policy
        self.maxServersPerHost = maxServersPerHost
    }
}
