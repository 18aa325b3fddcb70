/// Host → conductor, when the link comes up and whenever the inventory changes: what the host has and which guests it found.
package struct HostHello: CellCall {
    package static let kind = "host-hello/1"
    package typealias Reply = Welcome

    package var inventory: HostInventory
    /// Every guest of ours on the host, adopted as it is, with the spec kept beside it, and every server that the host builds or was
    /// told to build: all that is here or may yet come to be here. A cell whose database was rewound writes its rows anew from it.
    package var guests: [Guest]
    package var release: String

    package struct Guest: Codable, Sendable, Hashable {
        package var observation: Observation
        package var spec: ServerSpec?
        /// The revision of the order that the host holds for it; nil: none, or the host is of a release that doesn't say.
        package var ordered: Int64?
        package init(observation: Observation, spec: ServerSpec?, ordered: Int64? = nil) {
            self.observation = observation
            self.spec = spec
            self.ordered = ordered
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
