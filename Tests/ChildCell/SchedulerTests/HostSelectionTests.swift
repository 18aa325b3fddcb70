import CellProtocol
import CloudModel
import Scheduler
import Testing

func host(
    _ name: HostName, zone: ZoneName = "z", free ram: Int = 1024, of total: Int = 1024, vcpus: Int = 8, disk: Int = 100,
    enabled: Bool = true, up: Bool = true, traits: [String] = [], images: [String] = [], groups: [String: Int] = [:]
) -> HostState {
    HostState(
        name: name, zone: zone, enabled: enabled, up: up, total: ResourceSize(vcpus: 8, ram: total, disk: 100),
        used: ResourceSize(vcpus: 8 - vcpus, ram: total - ram, disk: 100 - disk), traits: traits, cachedImages: images,
        groups: groups)
}

func request(
    vcpus: Int = 1, ram: Int = 128, disk: Int = 1, zone: ZoneName? = nil, traits: [String] = [], image: String? = nil,
    group: GroupConstraint? = nil, avoiding: [HostName] = [], server: ServerID = .random()
) -> RankHosts.Request {
    let specs = Dictionary(uniqueKeysWithValues: traits.map { ("trait:\($0)", "required") })
    return RankHosts.Request(
        server: server,
        spec: ServerSpec(
            name: "s", hostname: "s", project: "p", user: "u",
            flavor: Flavor(id: "1", name: "m1", vcpus: vcpus, ram: ram, disk: disk, extraSpecs: specs),
            image: image.map { ImageReference(id: .random(), name: "i", diskFormat: "qcow2", size: 1, sha512: $0) }, zone: zone,
            group: group),
        avoiding: avoiding)
}

func group(_ policy: GroupConstraint.Policy, most: Int = 1) -> GroupConstraint {
    GroupConstraint(id: .random(), policy: policy, maxServersPerHost: most)
}

/// Each filter alone: which hosts it removes, and the sentence it gives.
@Suite struct FilterTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let filter: String
        let host: HostState
        let request: RankHosts.Request
        /// Nil: the host passes.
        let reason: String?
        var testDescription: String { "\(filter): \(reason ?? "passes")" }
    }

    static let together = group(.affinity)
    static let apart = group(.antiAffinity, most: 2)
    static let rows: [Row] = [
        Row(filter: "availability_zone", host: host("a"), request: request(), reason: nil),
        Row(filter: "availability_zone", host: host("a"), request: request(zone: "z"), reason: nil),
        Row(filter: "availability_zone", host: host("a"), request: request(zone: "y"), reason: "is in zone z"),
        Row(filter: "enabled", host: host("a"), request: request(), reason: nil),
        Row(filter: "enabled", host: host("a", enabled: false), request: request(), reason: "is disabled"),
        Row(filter: "enabled", host: host("a", up: false), request: request(), reason: "is down"),
        Row(filter: "enabled", host: host("a"), request: request(avoiding: ["a"]), reason: "failed this server already"),
        Row(filter: "cpu", host: host("a", vcpus: 2), request: request(vcpus: 2), reason: nil),
        Row(filter: "cpu", host: host("a", vcpus: 1), request: request(vcpus: 2), reason: "has 1 of 8 vCPUs free, 2 wanted"),
        Row(filter: "cpu", host: host("a", vcpus: -3), request: request(), reason: "has 0 of 8 vCPUs free, 1 wanted"),
        Row(filter: "memory", host: host("a", free: 128), request: request(ram: 128), reason: nil),
        Row(
            filter: "memory", host: host("a", free: 127), request: request(ram: 128),
            reason: "has 127 of 1024 MiB free, 128 wanted"),
        Row(filter: "disk", host: host("a", disk: 5), request: request(disk: 5), reason: nil),
        Row(filter: "disk", host: host("a", disk: 4), request: request(disk: 5), reason: "has 4 of 100 GiB free, 5 wanted"),
        Row(filter: "traits", host: host("a", traits: ["X", "Y"]), request: request(traits: ["X"]), reason: nil),
        Row(filter: "traits", host: host("a", traits: ["X"]), request: request(traits: ["Z", "X", "Y"]), reason: "lacks Y, Z"),
        Row(filter: "affinity", host: host("a"), request: request(group: together), reason: nil),
        Row(
            filter: "affinity", host: host("a", groups: [together.id.description: 1]), request: request(group: together),
            reason: nil),
        Row(
            filter: "anti_affinity", host: host("a", groups: [apart.id.description: 1]), request: request(group: apart),
            reason: nil),
        Row(
            filter: "anti_affinity", host: host("a", groups: [apart.id.description: 2]), request: request(group: apart),
            reason: "has 2 of the group's servers already"),
    ]

    @Test(arguments: rows) func removesWhatItMust(row: Row) throws {
        let filter = try #require(HostFilters.named(row.filter))
        let elimination = HostSelection(.filter([filter], [])).rank(row.request, among: [row.host])
        #expect(elimination.considered == 1)
        #expect(elimination.ranked == (row.reason == nil ? [row.host.name] : []))
        #expect(elimination.removed == (row.reason == nil ? [:] : [row.filter: 1]))
        #expect(elimination.examples.map(\.detail) == (row.reason.map { [$0] } ?? []))
    }

    @Test func affinityKeepsToTheHostOfTheOthers() {
        let together = group(.affinity)
        let hosts = [host("a"), host("b", groups: [together.id.description: 1]), host("c")]
        let elimination = HostSelection(.filter([AffinityFilter()], [])).rank(request(group: together), among: hosts)
        #expect(elimination.ranked == ["b"])
        #expect(elimination.removed == ["affinity": 2])
        #expect(elimination.examples.first?.detail == "the group's servers are on b")
    }

    @Test func everyFilterHasItsNameInRegionFiles() {
        #expect(
            HostFilters.all.map { $0.name } == [
                "availability_zone", "enabled", "cpu", "memory", "disk", "traits", "affinity", "anti_affinity",
            ])
        #expect(HostFilters.named("no_such") == nil)
    }

    @Test func aHostIsRemovedByTheFirstRuleThatIsAgainstIt() {
        let elimination = HostSelection(.simple).rank(
            request(vcpus: 99, ram: 9999), among: [host("a", enabled: false), host("b")])
        #expect(elimination.removed == ["enabled": 1, "cpu": 1])
    }

    @Test func theLedgerStaysSmallWithThousandsOfHosts() {
        let hosts = (0..<3000).map { host(HostName("h\($0)"), enabled: $0 % 2 == 0) }
        let elimination = HostSelection(.simple).rank(request(), among: hosts)
        #expect(elimination.considered == 3000)
        #expect(elimination.removed == ["enabled": 1500])
        #expect(elimination.examples.count == PlacementLedger.examplesKept)
        #expect(elimination.ranked.count == PlacementLedger.examplesKept)
    }
}

/// Each weigher alone, and together.
@Suite struct WeigherTests {
    static func rank(_ names: [(String, Double)], _ request: RankHosts.Request, _ hosts: [HostState]) -> [HostName] {
        let weighers = names.compactMap { name, multiplier in
            HostWeighers.named(name).map { HostSelection.Weighted($0, multiplier: multiplier) }
        }
        return HostSelection(.filter([], weighers)).rank(request, among: hosts).ranked
    }

    static let hosts = [host("full", free: 100), host("half", free: 512), host("empty", free: 1024)]

    @Test func spreadPrefersTheEmptiest() {
        #expect(Self.rank([("spread", 1)], request(), Self.hosts) == ["empty", "half", "full"])
    }

    @Test func packPrefersTheFullest() {
        #expect(Self.rank([("pack", 1)], request(), Self.hosts) == ["full", "half", "empty"])
    }

    @Test func spreadLooksAtSharesNotAtSizes() {
        let hosts = [host("large", free: 2048, of: 8192), host("small", free: 900, of: 1024)]
        #expect(Self.rank([("spread", 1)], request(), hosts).first == "small")
    }

    @Test func aHostWithTheImageIsPreferred() {
        let hosts = [host("a"), host("b", images: ["abc"])]
        #expect(Self.rank([("image_locality", 1)], request(image: "abc"), hosts) == ["b", "a"])
        #expect(Self.rank([("image_locality", 1)], request(image: "xyz"), hosts) == ["a", "b"], "equals go by name")
        #expect(Self.rank([("image_locality", 1)], request(), hosts) == ["a", "b"])
    }

    static let soft: [(GroupConstraint.Policy, HostName)] = [(.softAffinity, "b"), (.softAntiAffinity, "a")]

    @Test(arguments: soft) func softGroupsAreAWish(policy: GroupConstraint.Policy, best: HostName) {
        let soft = group(policy)
        let hosts = [host("a"), host("b", groups: [soft.id.description: 3])]
        #expect(Self.rank([("soft_group", 1)], request(group: soft), hosts).first == best)
        #expect(Self.rank([("soft_group", 1)], request(group: soft), hosts).count == 2)
    }

    @Test func multipliersDecideBetweenWishes() {
        let hosts = [host("full with image", free: 100, images: ["abc"]), host("empty", free: 1024)]
        #expect(Self.rank([("spread", 1), ("image_locality", 2)], request(image: "abc"), hosts).first == "full with image")
        #expect(Self.rank([("spread", 2), ("image_locality", 1)], request(image: "abc"), hosts).first == "empty")
        #expect(Self.rank([("spread", -1)], request(), hosts).first == "full with image")
    }

    @Test func withoutWeighersTheSeedDecides() {
        let order = Self.rank([], request(), Self.hosts)
        #expect(order.count == 3)
        #expect(Self.rank([], request(), Self.hosts.reversed()) == order)
    }
}

/// The four policies of a region's file.
@Suite struct PolicyTests {
    static let hosts = [
        host("a", zone: "east", free: 300), host("b", zone: "west", free: 900), host("c", zone: "east", free: 700),
        host("d", zone: "east", free: 200), host("down", zone: "west", up: false),
    ]

    @Test func simpleTakesTheLeastLoaded() {
        #expect(HostSelection(.simple).rank(request(), among: Self.hosts).ranked == ["b", "c", "a", "d"])
    }

    @Test func zoneTakesTheLeastLoadedOfTheRoomiestZone() {
        #expect(HostSelection(.zone).rank(request(), among: Self.hosts).ranked == ["c", "a", "d", "b"])
    }

    @Test func chanceIsTheSameForASeedAndAServerAndDiffersOtherwise() {
        let hosts = (0..<20).map { host(HostName("h\($0)")) }
        let one = request()
        let order = HostSelection(.chance, seed: 7).rank(one, among: hosts).ranked
        #expect(
            HostSelection(.chance, seed: 7).rank(one, among: hosts.reversed()).ranked == order,
            "whatever order the hosts come in")
        #expect(HostSelection(.chance, seed: 8).rank(one, among: hosts).ranked != order)
        #expect(HostSelection(.chance, seed: 7).rank(request(), among: hosts).ranked != order)
    }

    @Test func chanceReachesEveryHost() {
        let hosts = (0..<8).map { host(HostName("h\($0)")) }
        var first: [HostName: Int] = [:]
        for _ in 0..<800 {
            if let best = HostSelection(.chance, seed: 3).rank(request(), among: hosts).ranked.first {
                first[best, default: 0] += 1
            }
        }
        #expect(first.count == 8)
        #expect(first.values.allSatisfy { (50...170).contains($0) }, "\(first)")
    }

    @Test(arguments: [HostSelection.Policy.simple, .zone, .filter(HostFilters.standard, [.init(PackWeigher())])])
    func theSeedDecidesBetweenEqualsTheSameWayForEveryServer(policy: HostSelection.Policy) {
        let hosts = (0..<8).map { host(HostName("h\($0)")) }
        let order = HostSelection(policy, seed: 7).rank(request(), among: hosts).ranked
        #expect(order.count == 8)
        #expect(HostSelection(policy, seed: 7).rank(request(), among: hosts.reversed()).ranked == order)
        let firsts = (0..<64).compactMap { HostSelection(policy, seed: $0).rank(request(), among: hosts).ranked.first }
        #expect(Set(firsts).count == 8, "each host comes first for some seed")
    }

    @Test func theSeedDecidesNothingElse() {
        for seed in 0..<20 as Range<UInt64> {
            #expect(HostSelection(.simple, seed: seed).rank(request(), among: Self.hosts).ranked == ["b", "c", "a", "d"])
            #expect(HostSelection(.zone, seed: seed).rank(request(), among: Self.hosts).ranked == ["c", "a", "d", "b"])
        }
    }

    @Test(arguments: [HostSelection.Policy.simple, .chance, .zone])
    func everyPolicyKeepsToWhatIsPossible(policy: HostSelection.Policy) {
        let ranked = HostSelection(policy).rank(request(ram: 600), among: Self.hosts).ranked
        #expect(Set(ranked) == ["b", "c"])
    }

    @Test(arguments: [HostSelection.Policy.simple, .zone, .filter(HostFilters.standard, [.init(SpreadWeigher())])])
    func aBatchDoesNotPileUpOnOneHost(policy: HostSelection.Policy) {
        let hosts = (0..<4).map { host(HostName("h\($0)"), free: 256, of: 256) }
        let firsts = HostSelection(policy).rank((0..<8).map { _ in request(ram: 128) }, among: hosts).compactMap(\.ranked.first)
        #expect(firsts.count == 8)
        #expect(Dictionary(grouping: firsts, by: \.self).values.allSatisfy { $0.count == 2 }, "\(firsts)")
        // The ninth has no room left.
        #expect(HostSelection(policy).rank((0..<9).map { _ in request(ram: 128) }, among: hosts).last?.ranked == [])
    }

    @Test func aBatchOfAnAntiAffinityGroupKeepsApart() {
        let apart = group(.antiAffinity)
        let hosts = (0..<3).map { host(HostName("h\($0)")) }
        let eliminations = HostSelection(.simple).rank((0..<4).map { _ in request(group: apart) }, among: hosts)
        #expect(Set(eliminations.compactMap(\.ranked.first)).count == 3)
        #expect(eliminations.last?.ranked == [])
        #expect(eliminations.last?.removed == ["anti_affinity": 3])
    }

    @Test func aBatchOfAnAffinityGroupStaysTogether() {
        let together = group(.affinity)
        let hosts = (0..<3).map { host(HostName("h\($0)")) }
        let firsts = HostSelection(.simple).rank((0..<4).map { _ in request(group: together) }, among: hosts).compactMap(
            \.ranked.first)
        #expect(firsts.count == 4)
        #expect(Set(firsts).count == 1)
    }

    @Test func noHostsAreNoHosts() {
        let elimination = HostSelection(.simple).rank(request(), among: [])
        #expect(elimination == Elimination())
    }

    @Test func splitMixIsVignas() {
        // The reference implementation's first numbers for this seed (prng.di.unimi.it, splitmix64.c).
        var random = SeededRandom(seed: 1_234_567)
        #expect(
            (0..<3).map { _ in random.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            ])
    }
}
