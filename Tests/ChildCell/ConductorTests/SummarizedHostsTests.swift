import CellProtocol
import CloudModel
import Logging
import Testing

@testable import Conductor

/// What of a cell's hosts goes into its summary, and what is said of the rest.
@Suite struct SummarizedHostsTests {
    private func host(
        _ number: Int, zone: ZoneName, traits: [String] = [], used: ResourceSize = .zero, enabled: Bool = true, up: Bool = true
    ) -> HostStore.Host {
        let size = ResourceSize(vcpus: 4, ram: 1024, disk: 10)
        let inventory = HostInventory(
            size: size, hypervisorType: "fake", hypervisorVersion: 1, acceleration: "simulated", traits: traits,
            cachedImages: [], zone: zone, address: "127.0.0.1")
        return HostStore.Host(
            name: HostName("compute-\(number).tunis"), inventory: inventory, total: size, used: used, enabled: enabled, up: up,
            lastSeen: .now(), release: "1", revision: 1)
    }

    private func hosts(inZones count: Int) -> [HostStore.Host] { (1...count).map { host($0, zone: ZoneName("z\($0)")) } }

    @Test func aZoneTellsWhatIsFreeInAllItsHostsAndInTheRoomiest() throws {
        let summarized = SummarizedHosts([
            host(1, zone: "z", traits: ["B", "A"], used: ResourceSize(vcpus: 3, ram: 24, disk: 1)),
            host(2, zone: "z", traits: ["A"], used: ResourceSize(vcpus: 1, ram: 1000, disk: 1)),
            host(3, zone: "z", traits: ["C"], enabled: false), host(4, zone: "z", traits: ["D"], up: false),
        ])
        let zone = try #require(summarized.zones.first)
        #expect(summarized.zones.count == 1 && zone.name == "z" && zone.hosts == 2)
        #expect(zone.free == ResourceSize(vcpus: 4, ram: 1024, disk: 18))
        #expect(zone.largest == ResourceSize(vcpus: 3, ram: 1000, disk: 9))
        #expect(zone.total == ResourceSize(vcpus: 8, ram: 2048, disk: 20))
        #expect(zone.traits == ["A", "B"])
    }

    @Test func whatTheLimitsAllowIsAllThere() {
        let traits = (1...SummaryLimits.traitsInZone).map { "T\($0)" }
        let summarized = SummarizedHosts(
            hosts(inZones: SummaryLimits.zones) + [host(20, zone: "z1", traits: traits), host(21, zone: "z1", traits: traits)])
        #expect(summarized.zones.count == SummaryLimits.zones)
        #expect(summarized.zones[0].traits == traits.sorted())
        #expect(summarized.leftOut.isEmpty)
    }

    @Test func whatGoesBeyondTheLimitsIsNamed() {
        let traits = (1...18).map { "T\($0 + 100)" }
        let summarized = SummarizedHosts(hosts(inZones: 9) + [host(20, zone: "z1", traits: traits)])
        #expect(summarized.zones.map(\.name) == (1...8).map { ZoneName("z\($0)") })
        #expect(summarized.zones[0].traits == Array(traits.prefix(16)))
        #expect(summarized.leftOut == [.zone("z9"), .trait("T117", "z1"), .trait("T118", "z1")])
    }

    @Test func ofWhatIsLeftOutTheConductorWarnsOnce() async {
        let lines = Lock<[String]>([])
        let alarm = LeftOutAlarm(log: Logger(label: "test") { _ in Noting(lines: lines) })
        await alarm.saw([])
        for _ in 0..<3 { await alarm.saw([.zone("z9"), .trait("T17", "z1")]) }
        #expect(
            lines.withLock { $0.sorted() } == [
                "warning: a trait is one too many for its zone in the cell's summary: no server is placed by it (T17 in z1)",
                "warning: a zone is one too many for the cell's summary: no server is placed by its name (z9)",
            ])
        await alarm.saw([.zone("z9"), .zone("z8")])
        #expect(lines.withLock { $0.count } == 3)
    }

    private struct Noting: LogHandler {
        let lines: Lock<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        init(lines: Lock<[String]>) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let place = [event.metadata?["trait"], event.metadata?["zone"]].compactMap { $0.map(String.init(describing:)) }
            lines.withLock { $0.append("\(event.level): \(event.message) (\(place.joined(separator: " in ")))") }
        }
    }
}
