import Foundation
import Hypervisors
import ProcessFederation
import Testing

extension ProcessJourneys {
    /// Hosts that have one key and one link together are hosts like any other: they are found, woken, asked and believed under their own
    /// names, also when the process at either end of the link was killed meanwhile.
    @Test func hostsOverASharedLinkBootServersUnderTheirOwnNames() async throws {
        var plan = ProcessFederation.Plan()
        plan.regions = ["london", "tunis"]
        plan.hostsPerRegion = 40
        plan.sharedLinks = true
        try await ProcessFederation.with(plan) { federation in
            for region in plan.regions {
                let enrolled = try FileManager.default.contentsOfDirectory(
                    atPath: "\(federation.folder)/\(region)/etc/enrolled")
                #expect(Set(enrolled) == ["scheduler_\(region).key", "simulator_sim.\(region).key"])
            }
            let tenant = try await federation.tenant()
            let storm = Storm(tenant: tenant, image: try await tenant.makeImage())
            let first = try await storm.boot(80)
            try await tenant.waitUntilActive(first, within: .seconds(60))
            let used = try federation.cells.values.flatMap { try $0.journals().filter { !$0.value.guests.isEmpty }.keys }
            #expect(used.count >= 20, "they are spread over the hosts")

            // A question all the way down: the answer comes back from the host that has the server.
            let asked = try #require(first.keys.first)
            let console = try await tenant.call(
                .compute, "POST", "/v2.1/servers/\(asked)/action", #"{"os-getConsoleOutput": {"length": 5}}"#)
            #expect(console.status == 200)
            #expect(console.bodyText.contains("GUEST-READY"))

            async let second = storm.boot(60, named: "meanwhile")
            for cell in federation.cells.values {
                cell.hosts.kill()
                cell.conductor.kill()
            }
            let accepted = first.merging(try await second) { $1 }
            try await tenant.waitUntilActive(accepted, within: .seconds(60))
            try await federation.settle()
            try await federation.holdsTogether(accepted, seenBy: tenant, or: ["ACTIVE"])
        }
    }
}
