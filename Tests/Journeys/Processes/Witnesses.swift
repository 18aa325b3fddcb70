import CloudModel
import CloudTestKit
import Database
import Foundation
import Hypervisors
import ProcessFederation
import Testing

extension ProcessFederation {
    /// What must hold when all is quiet, over the API's rows, the cells' rows and the hypervisors' own journals: every accepted server is
    /// there once, and has ended; those that are ACTIVE run on one host and never ran on two at once; the others run nowhere; no host
    /// runs or keeps room for anything else.
    func holdsTogether(_ accepted: [String: String], seenBy tenant: Tenant, or expected: Set<String> = ["ACTIVE", "ERROR"])
        async throws
    {
        let listed = try await tenant.servers().servers
        #expect(listed.count == accepted.count)
        #expect(Set(listed.map(\.id)) == Set(accepted.keys), "the API lists what it accepted")
        #expect(Set(listed.map(\.name)).count == listed.count, "no name is there twice")
        for server in listed {
            #expect(expected.contains(server.status), "\(server)")
            if server.status == "ERROR" { #expect(server.fault?.isEmpty == false, "\(server) has a reason") }
            #expect(server.task == nil, "\(server)")
        }
        let active = Set(listed.filter { $0.status == "ACTIVE" }.map(\.id))
        try await rowsAgree(active)
        try hypervisorsAgree(active)
    }

    private func rowsAgree(_ active: Set<String>) async throws {
        var cellsOf: [String: [String]] = [:]
        for (name, cell) in cells {
            for row in try await cell.database.rows("SELECT id, vm_state FROM cell.servers WHERE ordered") {
                let id: UUID = try row.get("id")
                cellsOf[id.uuidString.lowercased(), default: []].append(name)
                #expect(try row.get("vm_state") == "active")
            }
            let claims = try await cell.database.rows("SELECT server FROM cell.claims").map { row -> String in
                (try row.get("server") as UUID).uuidString.lowercased()
            }
            #expect(Set(claims).isSubset(of: active), "\(name) keeps room for servers that are not there")
            let wrong = try await cell.database.rows(
                """
                SELECT h.name FROM cell.hosts AS h
                WHERE h.used_ram <> (SELECT coalesce(sum(c.ram), 0) FROM cell.claims AS c WHERE c.host = h.name)
                """)
            #expect(wrong.isEmpty, "\(name)'s sums differ from its claims")
        }
        #expect(Set(cellsOf.keys) == active, "the cells have what the API shows")
        #expect(cellsOf.values.allSatisfy { $0.count == 1 }, "no server is in two cells")
    }

    private func hypervisorsAgree(_ active: Set<String>) throws {
        var running: [String: [String]] = [:]
        var spells: [ServerID: [Spell]] = [:]
        for cell in cells.values {
            for (host, journal) in try cell.journals() {
                #expect(journal.violations == [], "on \(host)")
                for (server, guest) in journal.guests {
                    #expect(guest.isOn, "\(server) on \(host) is off")
                    running[server.description, default: []].append(host)
                }
                for (server, spell) in Spell.all(of: journal.history, on: host) { spells[server, default: []].append(spell) }
            }
        }
        #expect(Set(running.keys) == active, "hypervisors run what the API shows")
        #expect(running.values.allSatisfy { $0.count == 1 }, "no server runs twice")
        Spell.neverOverlap(spells)
    }
}
