import CloudModel
import Foundation
import Testing

@testable import RegionConfig

/// The files that the repository ships, found from this file's own place.
private let regions = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../regions")
    .standardizedFileURL.path

@Suite struct RegionFileTests {
    @Test(arguments: ["london", "amsterdam", "tunis"])
    func everyShippedRegionLoads(name: String) throws {
        let region = try RegionFile.load("\(regions)/\(name)/region.yml")
        #expect(region.name == CellName(name))
        #expect(region.computeHost.hosts.map(\.name) == ["compute-1", "compute-2"])
        #expect(region.computeHost.hosts.allSatisfy { $0.zone.rawValue == name })
        #expect(region.childCell.gateway?.cacheBytes == 32 << 30)
        #expect(region.host("compute-2")?.hostName == HostName("compute-2.\(name)"))
    }

    @Test func policiesAndWeighersAreRead() throws {
        let tunis = try RegionFile.load("\(regions)/tunis/region.yml").childCell.scheduling
        #expect(tunis.policy == .filter)
        #expect(tunis.weighers == [.init(.pack, 1), .init(.imageLocality, 0.25)])
        let amsterdam = try RegionFile.load("\(regions)/amsterdam/region.yml").childCell.scheduling
        #expect(amsterdam.policy == .simple)
        #expect(amsterdam.seed == 2)
        #expect(amsterdam.filters == Scheduling.Filter.allCases)
    }

    @Test func aMistypedPortIsNamedByFileLineAndKey() throws {
        let text = try tunis().replacing("agents_control: 7710", with: "agents_control: many")
        let error = failure(text)
        #expect(error?.key == "child_cell.ports.agents_control")
        #expect(error?.line == text.line(of: "agents_control"))
        #expect(
            error?.description
                == "regions/tunis/region.yml:\(text.line(of: "agents_control")): child_cell.ports.agents_control: A port is a whole number from 1 to 65535."
        )
    }

    @Test func anUnknownKeyIsNamed() throws {
        let text = try tunis().replacing("conductor_health:", with: "conductor_helth: 1\n    conductor_health:")
        let error = failure(text)
        #expect(error?.key == "child_cell.ports.conductor_helth")
        #expect(error?.line == text.line(of: "conductor_helth"))
    }

    @Test func aMissingKeyIsNamedWithTheSectionsLine() throws {
        let text = try tunis().replacing("    conductor_health: 7790\n", with: "")
        let error = failure(text)
        #expect(error?.key == "child_cell.ports.conductor_health")
        #expect(error?.sentence == "This key is missing.")
        #expect(error?.line == text.line(of: "  ports:") + 2)  // the first key after a comment line
    }

    @Test func anUnknownFilterIsNamedByItsPlaceInTheList() throws {
        let error = failure(try tunis().replacing("[enabled, availability_zone,", with: "[enabled, availability_zones,"))
        #expect(error?.key == "child_cell.scheduling.filters[1]")
    }

    @Test func aRegionsWeightIsNoWeigherOfHosts() throws {
        let text = try tunis().replacing("weighers: [{pack: 1.0},", with: "weighers: [{region_weight: 1.0},")
        let error = failure(text)
        #expect(error?.key == "child_cell.scheduling.weighers[0]")
        #expect(error?.line == text.line(of: "weighers:"))
        #expect(error?.sentence == "One of spread, pack, image_locality is expected here.")
    }

    @Test func twoHostsOfOneNameAreRefused() throws {
        let error = failure(try tunis().replacing("name: compute-2", with: "name: compute-1"))
        #expect(error?.key == "compute_host.hosts[1].name")
    }

    @Test func aRegionHasAsManyZonesAsItsSummaryTellsAndNotOneMore() throws {
        // Two more hosts in each zone; the region's own is one of them.
        let hosts = (1..<8).flatMap { zone in [host(zone * 2, zone: "z\(zone)"), host(zone * 2 + 1, zone: "z\(zone)")] }
        let full = try tunis() + hosts.joined()
        #expect(Set(try RegionFile.parse(full, file: "f").computeHost.hosts.map(\.zone)).count == 8)
        let error = failure(full + host(20, zone: "z8"))
        #expect(error?.key == "compute_host.hosts[16].zone")
        #expect(error?.line == (full + host(20, zone: "z8")).line(of: "zone: z8"))
        #expect(error?.sentence == "This is zone 9 of the region, which has at most 8.")
    }

    @Test func theHostsOfAZoneHaveAsManyTraitsAsItsSummaryTellsAndNotOneMore() throws {
        let traits = (1...16).map { "T\($0)" }
        let full =
            try tunis() + host(2, zone: "z", traits: Array(traits[..<9])) + host(3, zone: "z", traits: Array(traits[5...]))
        #expect(failure(full + host(4, zone: "other", traits: ["T17"])) == nil)
        let excessive = full + host(4, zone: "z", traits: ["T1", "T17"])
        let error = failure(excessive)
        #expect(error?.key == "compute_host.hosts[4].traits")
        #expect(error?.line == excessive.line(of: "[T1, T17]"))
        #expect(error?.sentence == "The hosts of a zone have at most 16 different traits, all in all.")
    }

    private func host(_ number: Int, zone: String, traits: [String] = []) -> String {
        """
            - name: more-\(number)
              address: 10.3.9.\(number)
              zone: \(zone)
              traits: [\(traits.joined(separator: ", "))]

        """
    }

    @Test func onePortForTwoThingsIsRefused() throws {
        let error = failure(try tunis().replacing("agents_bulk: 7711", with: "agents_bulk: 7710"))
        #expect(error?.sentence == "Port 7710 is already taken by agents_control.")
    }

    @Test func aRegionNeedsNoGateway() throws {
        let text = try tunis()
        let start = try #require(text.range(of: "  gateway:")), end = try #require(text.range(of: "  scheduling:"))
        let region = try RegionFile.parse(text.replacingCharacters(in: start.lowerBound..<end.lowerBound, with: ""), file: "f")
        #expect(region.childCell.gateway == nil)
    }

    @Test(arguments: [
        ("port: 7720", "port: 7710", "port", "Port 7710 is already taken by agents_control."),
        ("health: 7792", "health: 7720", "health", "Port 7720 is already taken by port."),
        ("cache_gib: 32", "cache_gib: 0", "cache_gib", "The size of a cache in GiB is a whole number from 1 to 1048576."),
        (
            "cache_gib: 32", "cache_gib: 32\n    cash: 1", "cash",
            "This key is not known here; known are cache_gib, health, port."
        ),
    ])
    func aMistakeInTheGatewaysSectionIsNamed(_ right: String, _ wrong: String, _ key: String, _ sentence: String) throws {
        let text = try tunis().replacing(right, with: wrong)
        let error = failure(text)
        #expect(error?.key == "child_cell.gateway.\(key)")
        #expect(error?.sentence == sentence)
        #expect(error?.line == text.line(of: wrong.split(separator: "\n").last.map { String($0) } ?? ""))
    }

    @Test func aFileThatIsNotYAMLIsRefusedWithTheLine() {
        let error = failure("region:\n  name: [tunis\nchild_cell: }\n")
        #expect(error?.line != nil)
        #expect(error?.sentence.hasPrefix("This is not YAML") == true)
    }

    @Test func aKeyThatStandsTwiceIsRefused() throws {
        #expect(failure(try tunis().replacing("  weight: 1.0", with: "  weight: 1.0\n  weight: 2.0"))?.key == "weight")
    }

    @Test func aMissingFileIsRefused() {
        #expect(throws: ConfigurationError(file: "/nowhere.yml", line: nil, key: "", sentence: "The file can't be read.")) {
            try RegionFile.load("/nowhere.yml")
        }
    }

    private func tunis() throws -> String { try String(contentsOfFile: "\(regions)/tunis/region.yml", encoding: .utf8) }

    private func failure(_ text: String) -> ConfigurationError? {
        do {
            _ = try RegionFile.parse(text, file: "regions/tunis/region.yml")
            return nil
        } catch {
            return error as? ConfigurationError
        }
    }
}

extension String {
    /// The line, counted from 1, on which the text first stands.
    func line(of text: String) -> Int {
        guard let range = range(of: text) else { return 0 }
        return self[..<range.lowerBound].filter { $0 == "\n" }.count + 1
    }
}
