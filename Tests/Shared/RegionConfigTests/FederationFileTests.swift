import Foundation
import Testing

@testable import RegionConfig

private let file =
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../regions/federation.yml").standardizedFileURL
    .path

@Suite struct FederationFileTests {
    @Test func theShippedFederationLoads() throws {
        let federation = try FederationFile.load(file)
        #expect(federation.name == "meridian")
        #expect(federation.timing == .lab)
        #expect(federation.apiCell.ports.hubControl == 7700)
        #expect(federation.apiCell.scheme == "https")
    }

    @Test func aProfilesTimesCanBeAdjustedOneByOne() throws {
        let federation = try parse { $0.replacing("timing: lab", with: "timing: {profile: production, intent_deadline: 20.5}") }
        #expect(federation.timing.intentDeadline == .milliseconds(20_500))
        #expect(federation.timing.hostSilent == Timing.production.hostSilent)
    }

    @Test func anUnknownTimeIsRefused() throws {
        let error = try failure { $0.replacing("timing: lab", with: "timing: {profile: lab, patience: 3}") }
        #expect(error?.key == "federation.timing.patience")
    }

    @Test func silenceShorterThanThreeHeartbeatsIsRefused() throws {
        let error = try failure { $0.replacing("timing: lab", with: "timing: {profile: lab, heartbeat: 2}") }
        #expect(error?.key == "federation.timing.heartbeat")
    }

    @Test func aHostNameIsNotAnAddressToListenOn() throws {
        let error = try failure { $0.replacing("10.100.0.10", with: "api.example.org") }
        #expect(error?.key == "api_cell.address")
    }

    @Test func aQuotedNumberIsNotAPort() throws {
        let error = try failure { $0.replacing("hub_bulk: 7701", with: "hub_bulk: \"7701\"") }
        #expect(error?.key == "api_cell.ports.hub_bulk")
    }

    @Test func aWordIsNotAFlag() throws {
        #expect(try failure { $0.replacing("tls: true", with: "tls: maybe") }?.key == "api_cell.tls")
    }

    private func parse(_ change: (String) -> String) throws -> Federation {
        try FederationFile.parse(change(try String(contentsOfFile: file, encoding: .utf8)), file: "federation.yml")
    }

    private func failure(_ change: (String) -> String) throws -> ConfigurationError? {
        do {
            _ = try parse(change)
            return nil
        } catch let error as ConfigurationError {
            return error
        }
    }
}
