import APIConventions
import CloudModel
import Foundation
import Testing

@Suite struct JSONTests {
    @Test func anObjectKeepsItsOrderAndItsTypes() throws {
        let value = try JSONValue(
            parsing: #" {"z": 1, "a": [true, null, -2.5e1, "x\n\u00e9\ud83d\ude00"], "m": {"k": 9007199254740993}} "#)
        #expect(value.object?.keys == ["z", "a", "m"])
        #expect(value["a"]?.array == [true, .null, .double(-25), "x\né😀"])
        #expect(value["m"]?["k"]?.int == 9_007_199_254_740_993)
        #expect(value.text == #"{"z":1,"a":[true,null,-25.0,"x\né😀"],"m":{"k":9007199254740993}}"#)
    }

    @Test(arguments: [
        ("{", "line 1, column 2"), ("[1,]", "']' stands where a value should"), (#"{"a" 1}"#, "'1' stands where ':' should"),
        ("{'a': 1}", "a name in double quotes"), ("01", "starts with 0"), ("1 2", "end of text"), ("\"a", "doesn't end"),
        ("\"\u{1}\"", "control character"), (#""\ud800""#, "surrogate"), (#""\x""#, "isn't an escape"),
        (#"{"a": "b\u0000"}"#, "NUL character"), (#"{"a\u0000": 1}"#, "NUL character"),
        ("1e999", "out of range"),
        ("nul", "a value"), ("", "it ends where a value should stand"), ("{\n\n  \"a\": tru}", "line 3, column 8"),
        ("-", "a digit"), ("1.", "a digit"),
    ]) func whatIsNotJSONIsRefusedWithThePlace(_ text: String, _ sentence: String) {
        let error = #expect(throws: CloudError.self) { try JSONValue(parsing: text) }
        #expect(error?.code == .badRequest)
        #expect(error?.message.contains(sentence) == true, "\(error?.message ?? "")")
    }

    @Test func textThatIsNotUTF8IsRefused() {
        #expect(throws: CloudError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22] as [UInt8]) }
    }

    @Test func nestingHasALimit() throws {
        _ = try JSONValue(parsing: String(repeating: "[", count: 64) + String(repeating: "]", count: 64))
        #expect(throws: CloudError.self) {
            try JSONValue(parsing: String(repeating: "[", count: 65) + String(repeating: "]", count: 65))
        }
        #expect(throws: CloudError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
    }

    @Test func theWriterWritesWhatFoundationReads() throws {
        var json = JSONWriter()
        json.object {
            $0.field("text", "a\"b\\c\u{1}\n")
            $0.field("nothing", nil as String?)
            $0.field("least", Int64.min)
            $0.field("half", 0.5)
            $0.field("id", ServerID("6B29FC40-CA47-1067-B31D-00DD010662DA"))
            $0.array("list") {
                $0.element(1)
                $0.object { $0.field("yes", true) }
                $0.array { _ in }
            }
            $0.object("empty") { _ in }
            $0.field(named: "odd\"key", "v")
            $0.field("raw", rawJSON: "{\"a\":1}")
            $0.field("last", [] as [String])
        }
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.bytes)) as? [String: Any])
        #expect(object["text"] as? String == "a\"b\\c\u{1}\n")
        #expect(object["nothing"] is NSNull)
        #expect(object["least"] as? Int64 == Int64.min)
        #expect(object["id"] as? String == "6b29fc40-ca47-1067-b31d-00dd010662da")
        #expect((object["list"] as? [Any])?.count == 3)
        #expect(object["odd\"key"] as? String == "v")
        #expect(object.count == 10)
    }

    /// The writer looks at eight bytes at a time: whatever needs escaping is found at every place of them.
    @Test func whatNeedsEscapingIsFoundWhereverItStands() throws {
        for special in ["\"", "\\", "\u{1}", "\u{1f}", "\n"] {
            for length in 0..<20 {
                for place in 0...length {
                    let text = String(repeating: "é", count: place) + special + String(repeating: "~", count: length - place)
                    var json = JSONWriter()
                    json.object { $0.field("a", text) }
                    #expect(try JSONValue(parsing: String(decoding: json.bytes, as: UTF8.self))["a"] == .string(text))
                }
            }
        }
        var json = JSONWriter()
        json.object { $0.field("href", "http://host/\"", "servers", "a\\b") }
        #expect(String(decoding: json.bytes, as: UTF8.self) == #"{"href":"http://host/\"servers/a\\b"}"#)
    }

    @Test func fieldsRefuseInNovasWords() throws {
        let fields = try JSONFields(
            try JSONValue(parsing: #"{"server": {"name": 5, "min_count": "x", "big": "7", "tags": {"a": 1}}}"#), in: "server")
        func message(_ body: () throws -> Void) -> String { (#expect(throws: CloudError.self) { try body() })?.message ?? "" }
        #expect(
            message { _ = try fields.string("name") }
                == "Invalid input for field/attribute name. Value: 5. 5 is not of type 'string'")
        #expect(
            message { _ = try fields.int("min_count") }
                == "Invalid input for field/attribute min_count. Value: x. 'x' is not of type 'integer'")
        #expect(try fields.int("big") == 7)
        #expect(message { _ = try fields.int("big", in: 8...9) }.hasSuffix("7 is less than the minimum of 8"))
        #expect(message { _ = try fields.string("flavorRef") }.hasSuffix("'flavorRef' is a required property"))
        #expect(
            message { try fields.allow(only: ["name"]) }.contains(
                "Additional properties are not allowed ('min_count', 'big', 'tags' were unexpected)"))
        #expect(message { _ = try fields.optionalTexts("tags") }.contains("1 is not of type 'string'"))
        #expect(message { _ = try JSONFields(.array([]), in: "server") }.contains("not of type 'object'"))
        #expect(message { _ = try JSONFields(["name": ""], name: "server").resourceName("name") }.contains("too short"))
        #expect(message { _ = try JSONFields(["name": "  "], name: "server").resourceName("name") }.contains("form of a name"))
    }
}
