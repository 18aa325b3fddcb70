import CloudModel
import Testing

@Suite struct FlavorTests {
    @Test func ephemeralDiskCountsAndSwapDoesNot() {
        let flavor = Flavor(id: "1", name: "m1", vcpus: 2, ram: 512, disk: 10, ephemeral: 5, swap: 1024)
        #expect(flavor.size == ResourceSize(vcpus: 2, ram: 512, disk: 15))
    }

    @Test func onlyRequiredTraitsAreRequired() {
        let flavor = Flavor(
            id: "1", name: "m1", vcpus: 1, ram: 1, disk: 1,
            extraSpecs: ["trait:HW_B": "required", "trait:HW_A": "required", "trait:HW_C": "forbidden", "hw:cpu": "required"])
        #expect(flavor.requiredTraits == ["HW_A", "HW_B"])
    }

    @Test(arguments: [
        (ResourceSize(vcpus: 1, ram: 1, disk: 1), true), (ResourceSize(vcpus: 4, ram: 8, disk: 2), true),
        (ResourceSize(vcpus: 5, ram: 1, disk: 1), false), (ResourceSize(vcpus: 1, ram: 9, disk: 1), false),
        (ResourceSize(vcpus: 1, ram: 1, disk: 3), false),
    ])
    func fitsInEveryDimensionOrNotAtAll(size: ResourceSize, fits: Bool) {
        #expect(size.fits(in: ResourceSize(vcpus: 4, ram: 8, disk: 2)) == fits)
    }

    @Test func aTenantsLedgerNamesNoHosts() {
        let elimination = Elimination(
            considered: 2, removed: ["cpu": 1], examples: [.init(host: "compute-1.tunis", rule: "cpu", detail: "has 0")])
        let ledger = PlacementLedger(attempts: [
            .init(
                cell: "tunis", outcome: .noRoom, at: Timestamp(microseconds: 0), reason: "No host fits.",
                elimination: elimination),
            .init(cell: "london", outcome: .reserved, at: Timestamp(microseconds: 1), host: "compute-2.london"),
        ])
        let told = ledger.redacted
        #expect(told.attempts.map(\.cell) == ["tunis", "london"])
        #expect(told.attempts.allSatisfy { $0.host == nil && $0.elimination?.examples.isEmpty != false })
        #expect(told.attempts[0].elimination?.removed == ["cpu": 1])
    }
}
