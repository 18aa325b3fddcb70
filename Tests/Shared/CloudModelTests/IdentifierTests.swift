import CloudModel
import Foundation
import Testing

@Suite struct IdentifierTests {
    static let text = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"

    @Test func aUUIDIsWrittenInLowerCaseAndReadInEither() throws {
        let id = try #require(ServerID(Self.text))
        #expect(id.description == Self.text)
        #expect(ServerID(Self.text.uppercased()) == id)
        #expect(id.rawValue.hex == Self.text.replacingOccurrences(of: "-", with: ""))
        #expect(id.rawValue.lowercased == id.rawValue.uuidString.lowercased())
    }

    @Test(arguments: [
        "", "x", "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f",
        "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 ",
        "{0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0}", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1fg",
        "٠f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
    ])
    func whatIsNoUUIDIsRefused(text: String) {
        #expect(ServerID(text) == nil)
        let json = Data("[\"\(text)\"]".utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([ServerID].self, from: json) }
    }

    @Test func identifiersTravelAsPlainText() throws {
        let id = try #require(ServerID(Self.text))
        let encoder = JSONEncoder()
        #expect(String(decoding: try encoder.encode([id]), as: UTF8.self) == "[\"\(Self.text)\"]")
        #expect(String(decoding: try encoder.encode([CellName("tunis")]), as: UTF8.self) == "[\"tunis\"]")
        #expect(String(decoding: try encoder.encode([PlacementEpoch(7)]), as: UTF8.self) == "[7]")
        #expect(try JSONDecoder().decode([HostName].self, from: Data("[\"compute-1.tunis\"]".utf8)) == ["compute-1.tunis"])
    }

    @Test func uuidsSortAsPostgreSQLSortsThem() throws {
        // By bytes: two transactions that lock rows in this order and in ORDER BY id never wait for each other.
        let texts = [
            "00000000-0000-0000-0000-000000000001", "7fffffff-0000-4000-8000-000000000000",
            "80000000-0000-4000-8000-000000000000",
        ]
        let ids = try texts.map { try #require(ServerID($0)) }
        #expect(ids.reversed().sorted() == ids)
    }

    @Test func requestsAreNamedAsOpenStackNamesThem() {
        let request = RequestID.random().rawValue
        #expect(request.hasPrefix("req-"))
        #expect(ServerID(request.dropFirst(4)) != nil)
    }

    @Test func epochsAreOrdered() {
        #expect(PlacementEpoch.none < PlacementEpoch(1))
        #expect([PlacementEpoch(3), PlacementEpoch(1)].max() == PlacementEpoch(3))
    }
}
