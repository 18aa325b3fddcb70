import CellSimulator
import CloudModel
import Foundation
import Hypervisors
import Testing

/// The seeds a journey runs with: the usual ones, or those of `MERIDIAN_JOURNEY_SEEDS=100-105`, to look for more or to look again.
func seeds(_ usual: ClosedRange<UInt64>) -> [UInt64] {
    let asked = ProcessInfo.processInfo.environment["MERIDIAN_JOURNEY_SEEDS"]?.split(separator: "-").compactMap { UInt64($0) }
    guard let asked, let first = asked.first, let last = asked.last, first <= last else { return Array(usual) }
    return Array(first...last)
}

extension SimulatedFederation {
    /// What must hold over rows and hypervisors when all is quiet: every server that is ACTIVE runs exactly once, where its row says; nothing
    /// else runs; nothing ever ran twice.
    func holdsTogether(_ servers: [ServerID]) async throws {
        var running: [ServerID: [HostName]] = [:]
        var spells: [ServerID: [Spell]] = [:]
        for cell in cells.values {
            let violations = await cell.violations()
            #expect(violations == [])
            for (host, guest) in await cell.guests() { running[guest.server, default: []].append(host) }
            for (host, hypervisor) in cell.hosts {
                for (server, spell) in Spell.all(of: await hypervisor.history, on: host.rawValue) {
                    spells[server, default: []].append(spell)
                }
            }
        }
        Spell.neverOverlap(spells)
        for server in servers {
            let shown = try await show(server)
            switch shown.status {
            case "ACTIVE", "SHUTOFF": #expect(running[server] == shown.host.map { [$0] }, "\(server) \(shown)")
            default: #expect(running[server] == nil, "\(server) \(shown)")
            }
        }
        #expect(Set(running.keys).isSubset(of: Set(servers)), "guests that nobody asked for")
    }
}

extension Sequence where Element: Sendable {
    func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var results: [T] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
