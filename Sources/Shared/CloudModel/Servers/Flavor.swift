/// A flavor as it was when a server was created from it: later edits don't change a running server.
package struct Flavor: Codable, Sendable, Hashable {
    package var id: FlavorID
    package var name: String
    package var vcpus: Int
    /// MiB.
    package var ram: Int
    /// GiB of root disk; 0 means as large as the image.
    package var disk: Int
    /// GiB.
    package var ephemeral: Int
    /// MiB.
    package var swap: Int
    package var extraSpecs: [String: String]
    package var description: String?

    package init(
        id: FlavorID, name: String, vcpus: Int, ram: Int, disk: Int, ephemeral: Int = 0, swap: Int = 0,
        extraSpecs: [String: String] = [:], description: String? = nil
    ) {
        self.id = id
        self.name = name
        self.vcpus = vcpus
        self.ram = ram
        self.disk = disk
        self.ephemeral = ephemeral
        self.swap = swap
        self.extraSpecs = extraSpecs
        self.description = description
    }

    /// What a host gives up for it.
    package var size: ResourceSize { ResourceSize(vcpus: vcpus, ram: ram, disk: disk + ephemeral) }

    /// The traits a host must have: extra specs `trait:NAME=required`.
    package var requiredTraits: [String] {
        extraSpecs.filter { $0.key.hasPrefix("trait:") && $0.value == "required" }.map { String($0.key.dropFirst(6)) }.sorted()
    }
}

/// What a server takes of a host. Sums stop at the largest number rather than trap: sizes come from other machines.
package struct ResourceSize: Codable, Sendable, Hashable {
    package var vcpus: Int
    /// MiB.
    package var ram: Int
    /// GiB.
    package var disk: Int

    package init(vcpus: Int, ram: Int, disk: Int) {
        self.vcpus = vcpus
        self.ram = ram
        self.disk = disk
    }

    package static let zero = ResourceSize(vcpus: 0, ram: 0, disk: 0)
    package static func + (a: Self, b: Self) -> Self {
        Self(vcpus: a.vcpus.adding(b.vcpus), ram: a.ram.adding(b.ram), disk: a.disk.adding(b.disk))
    }
    package static func - (a: Self, b: Self) -> Self {
        Self(vcpus: a.vcpus.subtracting(b.vcpus), ram: a.ram.subtracting(b.ram), disk: a.disk.subtracting(b.disk))
    }

    /// Whether this fits into that, in every dimension.
    package func fits(in room: ResourceSize) -> Bool { vcpus <= room.vcpus && ram <= room.ram && disk <= room.disk }
}
