import CloudModel
import Foundation
import Testing

@testable import RegionConfig

@Suite struct RegionFolderTests {
    private let shipped = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../regions")
        .standardizedFileURL

    @Test func theShippedRegionsFitTogether() throws {
        let folder = try RegionFolder.load(shipped.path)
        #expect(folder.regions.map(\.name.rawValue) == ["amsterdam", "london", "tunis"])
    }

    @Test func aCopiedFolderWhoseNameWasForgottenIsRefused() throws {
        try withCopy { folder in
            try copy("tunis", to: "oslo", in: folder) { $0 }
            #expect(failure(folder)?.key == "region.name")
            #expect(try failure(folder)?.line == line(of: "  name: tunis", in: "oslo", of: folder))
        }
    }

    @Test func aCopiedFolderWhoseAddressesWereForgottenIsRefused() throws {
        try withCopy { folder in
            try copy("tunis", to: "oslo", in: folder) { $0.replacing("name: tunis", with: "name: oslo") }
            #expect(failure(folder)?.sentence == "10.3.0.10 is already taken by oslo.")
        }
    }

    @Test func aFourthRegionIsAFolderWithANameAndAddressesOfItsOwn() throws {
        try withCopy { folder in
            try copy("tunis", to: "oslo", in: folder) {
                $0.replacing("name: tunis", with: "name: oslo").replacing("10.3.0.", with: "10.4.0.")
            }
            #expect(try RegionFolder.load(folder.path).regions.count == 4)
        }
    }

    @Test func noRegionCanHaveTheFederationsName() throws {
        try withCopy { folder in
            try copy("tunis", to: "meridian", in: folder) {
                $0.replacing("name: tunis", with: "name: meridian").replacing("10.3.0.", with: "10.4.0.")
            }
            #expect(failure(folder)?.key == "region.name")
            #expect(failure(folder)?.sentence.contains("the federation's own region") == true)
        }
    }

    @Test func aZoneThatIsAnotherRegionsNameIsRefused() throws {
        try withCopy { folder in
            try copy("london", to: "london", in: folder) {
                $0.replacing(
                    "{name: compute-2, address: 10.1.0.12}", with: "{name: compute-2, address: 10.1.0.12, zone: tunis}")
            }
            let error = failure(folder)
            #expect(error?.file == "\(folder.path)/london/region.yml")
            #expect(error?.key == "compute_host.hosts[1].zone")
            #expect(try error?.line == line(of: "zone: tunis", in: "london", of: folder))
            #expect(error?.sentence == "tunis is another region, and the zone of its hosts. Choose another name.")
        }
    }

    @Test func aZoneThatAnotherRegionsHostIsInIsRefused() throws {
        try withCopy { folder in
            for (region, net) in [("london", 1), ("tunis", 3)] {
                try copy(region, to: region, in: folder) {
                    $0.replacing("address: 10.\(net).0.12}", with: "address: 10.\(net).0.12, zone: fast}")
                }
            }
            let error = failure(folder)
            #expect(error?.file == "\(folder.path)/tunis/region.yml")
            #expect(error?.key == "compute_host.hosts[1].zone")
            #expect(try error?.line == line(of: "zone: fast", in: "tunis", of: folder))
            #expect(error?.sentence == "The zone fast is already in london. A zone is in one region.")
        }
    }

    @Test func aRegionMayHaveSeveralZonesOfItsOwn() throws {
        try withCopy { folder in
            try copy("tunis", to: "tunis", in: folder) {
                $0.replacing("address: 10.3.0.12}", with: "address: 10.3.0.12, zone: tunis-b}")
            }
            let tunis = try RegionFolder.load(folder.path).regions.last
            #expect(tunis?.computeHost.hosts.map(\.zone) == ["tunis", "tunis-b"])
        }
    }

    private func line(of text: String, in region: String, of folder: URL) throws -> Int? {
        let lines = try String(contentsOf: folder.appending(path: "\(region)/region.yml"), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false)
        return lines.firstIndex { $0.contains(text) }.map { $0 + 1 }
    }

    private func withCopy(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "regions-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: shipped, to: folder)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private func copy(_ region: String, to other: String, in folder: URL, _ change: (String) -> String) throws {
        let text = try String(contentsOf: folder.appending(path: "\(region)/region.yml"), encoding: .utf8)
        try FileManager.default.createDirectory(at: folder.appending(path: other), withIntermediateDirectories: true)
        try change(text).write(to: folder.appending(path: "\(other)/region.yml"), atomically: true, encoding: .utf8)
    }

    private func failure(_ folder: URL) -> ConfigurationError? {
        do {
            _ = try RegionFolder.load(folder.path)
            return nil
        } catch {
            return error as? ConfigurationError
        }
    }
}
