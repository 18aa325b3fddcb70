import Foundation
import Logging
import Testing

@testable import Observability

@Suite struct LogTests {
    let path = NSTemporaryDirectory() + "meridian-log-\(UUID().uuidString).log"

    @Test func anEventIsOneLineOfJSON() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let handler = JSONLogHandler(program: "meridian-api", label: "nova", level: .info, file: LogFile(path: path))
        var logger = Logger(label: "nova") { _ in handler }
        logger[metadataKey: .request] = "req-1"
        logger.info("host \"claimed\"\n", metadata: [.server: "s1", .count: .stringConvertible(3), "time": "hidden"])
        logger.debug("not said")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.hasSuffix("}\n"))
        #expect(text.split(separator: "\n").count == 1)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["message"] as? String == "host \"claimed\"\n")
        #expect(object["program"] as? String == "meridian-api")
        #expect(object["server"] as? String == "s1")
        #expect(object["count"] as? Int == 3)
        #expect(object["request"] as? String == "req-1")
        #expect(object["meta.time"] as? String == "hidden")
        #expect((object["time"] as? String)?.hasSuffix("Z") == true)
    }
}
