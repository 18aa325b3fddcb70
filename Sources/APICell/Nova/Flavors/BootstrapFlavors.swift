package import CloudModel
package import Database

/// The flavors a new cloud starts with.
package enum BootstrapFlavors {
    /// Nova's familiar names. The three smallest are smaller than DevStack's: regions of a rehearsal run on one machine, with guests
    /// that need 64 MiB, and a flavor's memory is what scheduling counts.
    package static let familiar: [Flavor] = [
        Flavor(id: "1", name: "m1.tiny", vcpus: 1, ram: 128, disk: 1),
        Flavor(id: "2", name: "m1.small", vcpus: 1, ram: 256, disk: 2),
        Flavor(id: "3", name: "m1.medium", vcpus: 2, ram: 512, disk: 4),
        Flavor(id: "4", name: "m1.large", vcpus: 4, ram: 8_192, disk: 80),
        Flavor(id: "5", name: "m1.xlarge", vcpus: 8, ram: 16_384, disk: 160),
    ]

    /// Adds those whose name and id are both free; may be repeated, and never changes what an administrator changed.
    package static func add(_ flavors: [Flavor] = familiar, to database: Database) async throws {
        try await FlavorStore(database: database).insertMissing(flavors)
    }
}
