import APIConventions
import CloudModel

/// How much text a tenant may hang on a server. It travels with the server in every order, feed and recovery, so it is bounded by what
/// it takes on the wire, not by characters alone.
enum ServerTexts {
    /// Bytes of a server's metadata as JSON. Higher: fewer servers fit into a message, and a host with many of them sends and reads
    /// megabytes. Lower: tools that keep a document there (Nova's own bounds allow 64 KB) are refused.
    static let largestMetadata = 16 * 1_024
    /// Bytes of a request's scheduler hints as JSON. They are small by nature; higher costs every reservation and create.
    static let largestHints = 4 * 1_024

    static func check(_ texts: [String: String], _ key: String, atMost limit: Int) throws(CloudError) {
        var object = JSONObject()
        for (key, value) in texts { object[key] = .string(value) }
        guard JSONValue.object(object).text.utf8.count <= limit else { throw tooLarge(key, limit: limit) }
    }

    static func tooLarge(_ key: String, limit: Int) -> CloudError {
        CloudError(
            .badRequest,
            "Invalid input for field/attribute \(key). It may take \(limit) bytes as JSON; keep larger data elsewhere.")
    }
}
