import CloudModel
import CloudTestKit
import Database
import Foundation
import Hypervisors
import ProcessFederation
import Testing

/// What can make a region silent.
enum Silencing: String, CaseIterable, CustomTestStringConvertible {
    case linkDown, linkDownOneWay, frozenDatabase

    var testDescription: String { rawValue }

    func begin(_ cell: CellProcesses) async {
        switch self {
        case .linkDown: cell.cut()
        case .linkDownOneWay: cell.cut([.toHub])
        case .frozenDatabase: await cell.database.pause()
        }
    }

    func end(_ cell: CellProcesses) async {
        switch self {
        case .linkDown, .linkDownOneWay: cell.heal()
        case .frozenDatabase: await cell.database.resume()
        }
    }
}

extension ProcessJourneys {
    /// A region that can't be reached, or whose database doesn't answer, is the same to everyone else: what it has is still listed,
    /// new servers go elsewhere, and what was asked of it meanwhile runs once if it is still wanted, or not at all.
    @Test(arguments: Silencing.allCases)
    func aSilentRegionHoldsUpNobodyElse(_ silencing: Silencing) async throws {
        try await ProcessFederation.with { federation in
            let tenant = try await federation.tenant()
            let storm = Storm(tenant: tenant, image: try await tenant.makeImage())
            let tunis = try #require(federation.cells["tunis"])
            var accepted = try await storm.boot(12)
            accepted.merge(try await storm.boot(4, named: "tunisian", zone: "tunis")) { $1 }
            try await tenant.waitUntilActive(accepted, within: .seconds(90))
            let tunisian = try await tenant.servers().servers.filter { $0.zone == "tunis" }.map(\.id)

            await silencing.begin(tunis)

            // Complete, and in time, from the first moment on.
            try await tenant.expectCompleteList(accepted)
            // New servers become active elsewhere, also those that were asked for before anyone could know.
            let elsewhere = try await storm.boot(6, named: "elsewhere")
            try await tenant.waitUntilActive(elsewhere, within: .seconds(30))
            #expect(try await tenant.servers().servers.filter { elsewhere[$0.id] != nil }.allSatisfy { $0.zone != "tunis" })
            accepted.merge(elsewhere) { $1 }

            try await Wait.until("the region counts as silent", within: .seconds(30)) { try await tenant.isStale("tunis") }
            try await tenant.expectCompleteList(accepted)
            // Asked of the silent region: one stop that stays wanted, one that will have expired.
            try await tenant.stop(tunisian[0])
            try await tenant.stop(tunisian[1])
            try await federation.expireLastAction(of: tunisian[1])
            #expect(try await tenant.show(tunisian[0])?.task == "powering-off")

            await silencing.end(tunis)
            try await Wait.until("the wanted stop has happened", within: .seconds(60)) {
                try await tenant.show(tunisian[0])?.status == "SHUTOFF"
            }
            try await Wait.until("the expired stop has ended", within: .seconds(60)) {
                let shown = try await tenant.show(tunisian[1])
                return shown?.status == "ACTIVE" && shown?.task == nil
            }
            #expect(try federation.timesStopped(tunisian[0]) == 1)
            #expect(try federation.timesStopped(tunisian[1]) == 0)
            try await Wait.until("the region is heard again", within: .seconds(30)) { try await !tenant.isStale("tunis") }

            try await tenant.start(tunisian[0])
            try await tenant.waitUntilActive(accepted, within: .seconds(45))
            try await federation.settle()
            try await federation.holdsTogether(accepted, seenBy: tenant, or: ["ACTIVE"])
        }
    }
}

extension Tenant {
    func waitUntilActive(_ servers: [String: String], within limit: Duration) async throws {
        try await Wait.until("\(servers.count) servers are active", within: limit) {
            let active = try await self.servers().servers.filter { $0.status == "ACTIVE" && $0.task == nil }.map(\.id)
            return Set(servers.keys).isSubset(of: active)
        }
    }

    /// All servers, and nothing of it was asked of a region: a list that waited for one that is dark would take the 10 s of a question. The
    /// limit is half of that, because every process of the test shares two cores with it.
    func expectCompleteList(_ servers: [String: String]) async throws {
        let listing = try await self.servers()
        #expect(Set(listing.servers.map(\.id)) == Set(servers.keys))
        #expect(listing.duration < .seconds(5), "\(listing.duration)")
    }

    /// Whether a region's rows are marked as older than a region may be silent.
    func isStale(_ region: String) async throws -> Bool {
        let asOf = try await servers().asOf
        guard
            let entry = asOf.components(separatedBy: ",").map({ $0.trimmingCharacters(in: .whitespaces) }).first(where: {
                $0.hasPrefix("\(region)=")
            })
        else { return true }
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        guard let moment = try? format.parse(String(entry.dropFirst(region.count + 1))) else { return true }
        return Date.now.timeIntervalSince(moment) > 3
    }

    func stop(_ server: String) async throws { try await act(server, #"{"os-stop": null}"#) }
    func start(_ server: String) async throws { try await act(server, #"{"os-start": null}"#) }

    private func act(_ server: String, _ body: String) async throws {
        let answer = try await call(.compute, "POST", "/v2.1/servers/\(server)/action", body)
        #expect(answer.status == 202, "\(answer.bodyText)")
    }
}

extension ProcessFederation {
    /// As if the last action had been asked for long ago.
    func expireLastAction(of server: String) async throws {
        try await topDatabase.rows(
            """
            UPDATE compute.server_actions SET deadline = now() - interval '1 second'
            WHERE server = \(UUID(uuidString: server))
                AND number = (SELECT max(number) FROM compute.server_actions WHERE server = \(UUID(uuidString: server)))
            """)
    }

    /// How often its guest went off, over all hosts and all time.
    func timesStopped(_ server: String) throws -> Int {
        var count = 0
        for cell in cells.values {
            for journal in try cell.journals().values {
                count += journal.history.count {
                    $0.server.description == server && $0.event == .power && $0.power?.isOn == false
                }
            }
        }
        return count
    }
}
