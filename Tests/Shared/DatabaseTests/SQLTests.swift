import CloudModel
import Foundation
import Testing

@testable import Database

struct SQLTests {
    @Test func valuesBecomeNumberedParameters() {
        let name = "o'hara"
        let sql: SQL = "SELECT * FROM users WHERE name = \(name) AND age > \(30)"
        #expect(sql.text == "SELECT * FROM users WHERE name = $1 AND age > $2")
        #expect(sql.parameters.slots.map(\.type) == [.text, .int8])
        #expect(sql.parameters.bytes == Array("o'hara".utf8) + [0, 0, 0, 0, 0, 0, 0, 30])
    }

    @Test func anAbsentValueIsNullOfItsType() {
        let none: ServerID? = nil
        let sql: SQL = "SELECT \(none)"
        #expect(sql.parameters.slots.map(\.length) == [-1])
        #expect(sql.parameters.slots.map(\.type) == [.uuid])
    }

    @Test func piecesAreRenumberedWhenJoined() {
        let conditions: [SQL] = ["a = \(1) AND '$1' <> \("x")", "b IS NULL", "c = \(2)"]
        let sql: SQL = "SELECT \(0) WHERE \(SQL.joined(conditions, by: " AND ")) LIMIT \(9)"
        #expect(sql.text == "SELECT $1 WHERE a = $2 AND '$1' <> $3 AND b IS NULL AND c = $4 LIMIT $5")
        #expect(sql.parameters.count == 5)
        #expect(sql.parameters.slots[3].start == 17)
        var added: SQL = "SELECT \(1)"
        added += " + \(2)" as SQL
        #expect(added.text == "SELECT $1 + $2")
        #expect((added + " + \(3)").text == "SELECT $1 + $2 + $3")
    }

    @Test func aValueThatIsNotJSONIsReportedWhenTheStatementRuns() {
        let sql: SQL = "SELECT \(json: [Double.nan])"
        #expect(sql.failure?.kind == .misuse)
    }

    @Test func aFIFOGivesBackInOrderAndForgetsItsFront() {
        var queue = FIFO<Int>()
        for number in 0..<200 { queue.append(number) }
        #expect((0..<150).map { _ in queue.popFirst() } == Array(0..<150))
        #expect(queue.remove { $0 == 170 } == 170)
        queue.append(200)
        #expect(queue.count == 50)
        #expect(queue.removeAll() == Array(150..<170) + Array(171...200))
        #expect(queue.isEmpty)
        #expect(queue.popFirst() == nil)
    }

    @Test func theStatementNotUsedForLongestIsForgotten() {
        var cache = StatementCache(limit: 2)
        let first = cache.use("SELECT 1")
        #expect(first.isNew)
        #expect(cache.use("SELECT 2").isNew)
        #expect(!cache.use("SELECT 1").isNew)
        #expect(cache.use("SELECT 3").isNew)
        #expect(cache.takeEvicted() == ["s2"])
        #expect(!cache.use("SELECT 1").isNew)
        #expect(cache.use("SELECT 2").isNew)
        #expect(cache.count == 2)
    }

    @Test func theSameTextWithOtherTypesIsAnotherStatement() {
        var cache = StatementCache(limit: 8)
        #expect(cache.use("SELECT \(1)").isNew)
        #expect(cache.use("SELECT \("one")").isNew)
        #expect(!cache.use("SELECT \(2)").isNew)
    }

    @Test func aConninfoOthersMayReadIsRefused() throws {
        let path = NSTemporaryDirectory() + "conninfo-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("dbname=x\n".utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(throws: DatabaseError.self) { try DatabaseAddress(file: path) }
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        #expect(try DatabaseAddress(file: path).conninfo == "dbname=x")
    }
}
