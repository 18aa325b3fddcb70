import CloudModel
import CloudTestKit
import Database
import Foundation
import Testing

struct QueryTests {
    @Test func aStatementGivesBackItsRows() async throws {
        try await withDatabase { database in
            let rows = try await database.query("SELECT n, 'row ' || n AS name FROM generate_series(1, \(3)) AS n ORDER BY n")
            #expect(rows.count == 3)
            #expect(try rows.map { try $0.get("name") as String } == ["row 1", "row 2", "row 3"])
            #expect(try rows[2].get("n") as Int == 3)
        }
    }
}
