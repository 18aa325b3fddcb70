import CloudModel
import CloudTestKit
import Foundation
import ProcessFederation
import Testing

extension ProcessJourneys {
    /// Every PostgreSQL is killed in the middle of a storm and started again: what was answered with 202 was on disk.
    @Test func aStormSurvivesTheDeathOfEveryDatabase() async throws {
        let seed = SeededRandom.chosenSeed()
        print("MERIDIAN_SEED=\(seed)")
        var random = SeededRandom(seed: seed)
        try await ProcessFederation.with { federation in
            let tenant = try await federation.tenant()
            let storm = Storm(tenant: tenant, image: try await tenant.makeImage())
            let databases = [federation.topDatabase] + federation.cells.values.map(\.database)
            let victims = databases.map { ($0, Duration.milliseconds(Int.random(in: 200...800, using: &random))) }

            async let killing: Void = {
                for (victim, pause) in victims {
                    try await Task.sleep(for: pause)
                    await victim.kill()
                    try await Task.sleep(for: pause / 2)
                    try await victim.start()
                }
            }()
            let accepted = try await storm.boot(100)
            try await killing

            try await Wait.until("every server has ended", within: .seconds(60), every: .milliseconds(500)) {
                let servers = try await tenant.servers().servers
                return servers.count == accepted.count && servers.allSatisfy { $0.status != "BUILD" && $0.task == nil }
            }
            // The super-scheduler's leadership is a lock in its database: without that it has to start again.
            for process in federation.processes where process !== federation.superScheduler {
                #expect(process.starts == 1, "\(process.name) lives on without its database")
            }
            try await federation.settle()
            try await federation.holdsTogether(accepted, seenBy: tenant)
        }
    }
}
