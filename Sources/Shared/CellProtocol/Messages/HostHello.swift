/// Host → conductor, when the link comes up and whenever the inventory changes: what the host has and which guests it found.
package struct HostHello: CellCall {
    package static let kind = "host-hello/1"
    package typealias Reply = Welcome

    package var inventory: HostInventory
    /// Every guest of ours on the host, adopted as it is, with the spec kept beside it, so that a cell whose database was
    /// rewound can write its rows anew.
    package var guests: [Guest]
    package var release: String

    package struct Guest: Codable, Sendable, Hashable {
        package var observation: Observation
        package var spec: ServerSpec?
        package init(observation: Observation, spec: ServerSpec?) {
            self.observation = observation
            self.spec = spec
        }
    }

    package struct Welcome: Codable, Sendable, Hashable {
        /// How often the host asks for its work without being woken.
        package var reconcileMilliseconds: Int64
        package init(reconcileMilliseconds: Int64) { self.reconcileMilliseconds = reconcileMilliseconds }
    }

    package init(inventory: HostInventory, guests: [Guest], release: String) {
        self.inventory = inventory
        self.guests = guests
        self.release = release
    }
}
