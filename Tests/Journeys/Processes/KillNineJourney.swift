import CloudModel
import Database
import Foundation
import ProcessFederation
import Testing

extension ProcessJourneys {
    /// `kill -9` of every role, at random moments of a storm of 200 boots, every tenth of them deleted at once. Nobody lends a hand
    /// afterwards.
    @Test func aStormSurvivesTheDeathOfEveryProcess() async throws {
        let seed = SeededRandom.chosenSeed()
        print("MERIDIAN_SEED=\(seed)")
        var random = SeededRandom(seed: seed)
        try await ProcessFederation.with { federation in
            let tenant = try await federation.tenant()
            let storm = Storm(tenant: tenant, image: try await tenant.makeImage())
            // Each role in turn, in every region, with the moments drawn beforehand.
            let victims = federation.processes.map { ($0, Duration.milliseconds(Int.random(in: 100...700, using: &random))) }

            async let killing: Void = {
                for (victim, pause) in victims {
                    try await Task.sleep(for: pause)
                    victim.kill()
                }
            }()
            let accepted = try await storm.boot(200, deletingOneIn: 10)
            try await killing
            #expect(accepted.count == 180)

            try await Wait.until("every server has ended", within: .seconds(90), every: .milliseconds(500)) {
                let servers = try await tenant.servers().servers
                return servers.count == accepted.count && servers.allSatisfy { $0.status != "BUILD" && $0.task == nil }
            }
            try await Wait.until("every process was killed and started again", within: .seconds(20), every: .milliseconds(100))
            {
                federation.processes.allSatisfy { $0.starts >= 2 }
            }
            try await federation.settle()
            try await federation.holdsTogether(accepted, seenBy: tenant)
        }
    }
}

extension ProcessFederation {
    /// Waits until hosts have nothing left to do: what was destroyed is destroyed, and claims that nobody used have expired.
    func settle() async throws {
        try await Wait.until("no claim is left over", within: .seconds(30), every: .milliseconds(300)) {
            for cell in cells.values {
                let left = try await cell.database.rows("SELECT 1 FROM cell.claims WHERE expires_at IS NOT NULL LIMIT 1")
                guard left.isEmpty else { return false }
            }
            return true
        }
    }
}
