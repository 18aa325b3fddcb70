import CloudModel
import CloudTestKit
import Database
import Foundation
import Testing

struct ValueTests {
    private enum Colour: String { case red, green }
    private struct Document: Codable, Equatable {
        var name: String
        var numbers: [Int]
    }

    @Test func everyTypeComesBackAsItWent() async throws {
        try await withDatabase { database in
            let id = ServerID.random()
            let moment = Timestamp(microseconds: 1_764_000_000_123_456)
            let row = try await database.query(
                """
                SELECT \(true) AS bool, \(Int.min) AS int, \(Int32.max) AS int32, \(Int64.max) AS int64, \(-0.1) AS double,
                       \("zażółć 🦆") AS text, \("") AS empty, \(id.rawValue) AS uuid, \(id) AS id, \([0, 255, 7] as [UInt8]) AS bytes,
                       \([] as [UInt8]) AS nobytes, \(moment) AS time, \(Timestamp(microseconds: -1)) AS before,
                       \(Duration.milliseconds(90_500)) AS span, \(Colour.green) AS colour, \(PlacementEpoch(7)) AS epoch
                """)[0]
            #expect(try row.get("bool") == true)
            #expect(try row.get("int") == Int.min)
            #expect(try row.get("int32") == Int32.max)
            #expect(try row.get("int64") == Int64.max)
            #expect(try row.get("double") == -0.1)
            #expect(try row.get("text") == "zażółć 🦆")
            #expect(try row.get("empty") == "")
            #expect(try row.get("uuid") == id.rawValue)
            #expect(try row.get("id") == id)
            #expect(try row.get("id") == id.description)
            #expect(try row.get("bytes") == [0, 255, 7] as [UInt8])
            #expect(try row.get("nobytes") == [] as [UInt8])
            #expect(try row.get("time") == moment)
            #expect(try row.get("before") == Timestamp(microseconds: -1))
            #expect(try row.get("span") == Duration.milliseconds(90_500))
            #expect(try row.get("colour") == Colour.green)
            #expect(try row.get("epoch") == PlacementEpoch(7))
        }
    }

    @Test func nullsAreNilAndNothingElse() async throws {
        try await withDatabase { database in
            let row = try await database.query(
                """
                SELECT \(nil as Int?) AS int, \(nil as String?) AS text, \(nil as ServerID?) AS id, \(nil as [String]?) AS list,
                       \(nil as Timestamp?) AS time, \(json: nil as Document?) AS document, \(nil as Colour?) AS colour
                """)[0]
            #expect(try row.get("int") as Int? == nil)
            #expect(try row.get("text") as String? == nil)
            #expect(try row.get("id") as ServerID? == nil)
            #expect(try row.get("list") as [String]? == nil)
            #expect(try row.get("time") as Timestamp? == nil)
            #expect(try row.get("colour") as Colour? == nil)
            #expect(try row.json("document", as: Document?.self) == nil)
            #expect(try row.jsonText("document") == nil)
            #expect(try row.isNull("int"))
            let error = #expect(throws: DatabaseError.self) { try row.get("int") as Int }
            #expect(error?.message == "Column int is NULL.")
            #expect(throws: DatabaseError.self) { try row.json("document", as: Document.self) }
        }
    }

    @Test func arraysComeBackAsTheyWent() async throws {
        try await withDatabase { database in
            let ids = [ServerID.random(), .random()]
            let row = try await database.query(
                """
                SELECT \(["a", "", "ü"]) AS texts, \([1, 2, 3]) AS ints, \([Int64.min]) AS longs, \([true, false]) AS bools,
                       \(ids.map(\.rawValue)) AS uuids, \(ids) AS ids, \([] as [String]) AS none, \(["a", nil]) AS gaps,
                       \([nil, ids[0].rawValue]) AS uuidgaps, \([Timestamp(microseconds: 5)]) AS times,
                       \([Colour.red, .green]) AS colours, \([ids[1], nil]) AS idgaps, \([[1, 2], []] as [[UInt8]]) AS blobs
                """)[0]
            #expect(try row.get("texts") == ["a", "", "ü"])
            #expect(try row.get("ints") == [1, 2, 3])
            #expect(try row.get("longs") == [Int64.min])
            #expect(try row.get("bools") == [true, false])
            #expect(try row.get("uuids") == ids.map(\.rawValue))
            #expect(try row.get("ids") == ids)
            #expect(try row.get("none") == [] as [String])
            #expect(try row.get("gaps") == ["a", nil])
            #expect(try row.get("uuidgaps") == [nil, ids[0].rawValue])
            #expect(try row.get("times") == [Timestamp(microseconds: 5)])
            #expect(try row.get("colours") == [Colour.red, .green])
            #expect(try row.get("idgaps") == [ids[1], nil])
            #expect(try row.get("blobs") == [[1, 2], []] as [[UInt8]])
            #expect(try row.get("texts") as [String]? == ["a", "", "ü"])
            #expect(throws: DatabaseError.self) { try row.get("gaps") as [String] }
        }
    }

    @Test func documentsComeBackAsTheyWent() async throws {
        try await withDatabase { database in
            let document = Document(name: "x/y", numbers: [1, 2])
            let row = try await database.query(
                "SELECT \(json: document) AS a, \(jsonText: #"{"name":"t","numbers":[]}"#) AS b, \(jsonText: nil) AS c, '[1]'::json AS d"
            )[0]
            #expect(try row.json("a") == document)
            #expect(try row.json("b", as: Document.self).name == "t")
            #expect(try row.jsonText("b") == #"{"name": "t", "numbers": []}"#)
            #expect(try row.jsonText("c") == nil)
            #expect(try row.json("d") == [1])
        }
    }

    @Test func numbersAreReadAcrossWidths() async throws {
        try await withDatabase { database in
            let row = try await database.query(
                """
                SELECT 7::smallint AS small, 8::int AS int, sum(n)::numeric AS sum, avg(n) AS mean, count(*) AS count, 1.5::real AS real,
                       -1234567.0625::numeric AS negative, 0::numeric AS zero, 120000000::numeric AS round, 0.00004::numeric AS tiny
                FROM generate_series(1, 4) AS n
                """)[0]
            #expect(try row.get("small") == 7)
            #expect(try row.get("int") == 8)
            #expect(try row.get("sum") == 10)
            #expect(try row.get("mean") == 2.5)
            #expect(try row.get("count") == Int32(4))
            #expect(try row.get("real") == 1.5)
            #expect(try row.get("negative") == -1234567.0625)
            #expect(try row.get("zero") == 0)
            #expect(try row.get("round") == 120_000_000)
            #expect(try row.get("tiny") == 0.00004)
        }
    }

    @Test func aWrongTypeIsRefusedByNameOfTheColumn() async throws {
        try await withDatabase { database in
            let row = try await database.query("SELECT 1 AS number, 'x' AS letter, 99999999999 AS large")[0]
            let error = #expect(throws: DatabaseError.self) { try row.get("number") as String }
            #expect(error?.message.contains("Column number") == true)
            #expect(throws: DatabaseError.self) { try row.get("letter") as Int }
            #expect(throws: DatabaseError.self) { try row.get("letter") as Colour }
            #expect(throws: DatabaseError.self) { try row.get("large") as Int32 }
            let missing = #expect(throws: DatabaseError.self) { try row.get("nothing") as Int }
            #expect(missing?.sqlState == .undefinedColumn)
            #expect(try row.get(at: 1) == "x")
            #expect(throws: DatabaseError.self) { try row.get(at: 3) as Int }
        }
    }
}
