package import Foundation
import Glibc

/// What an HTTP server answered.
package struct HTTPAnswer: Sendable {
    package let status: Int
    /// Names in lower case.
    package let headers: [String: String]
    package let body: Data
    package let duration: Duration

    /// What stands at a path of the JSON body: `text("server", "id")`.
    package func text(_ path: String...) -> String? { value(path) as? String }
    package func number(_ path: String...) -> Int? { value(path) as? Int }
    package func objects(_ path: String...) -> [[String: Any]] { value(path) as? [[String: Any]] ?? [] }

    /// The sentence of an error, whichever service's form it has.
    package var sentence: String? {
        guard let object = try? JSONSerialization.jsonObject(with: body) as? [String: Any] else { return nil }
        if let message = object["message"] as? String { return message }
        return object.values.compactMap { ($0 as? [String: Any])?["message"] as? String }.first
    }

    package var bodyText: String { String(decoding: body, as: UTF8.self) }

    private func value(_ path: [String]) -> Any? {
        var value = try? JSONSerialization.jsonObject(with: body)
        for name in path { value = (value as? [String: Any])?[name] }
        return value
    }
}

/// One request on one connection, as bytes on a socket: nothing is sent again behind a test's back, as clients' libraries do when
/// a connection ends early.
enum HTTP {
    static func send(
        _ method: String, port: Int, _ path: String, headers: [String: String] = [:], body: Data = Data(),
        timeout: Duration = .seconds(30)
    ) async throws -> HTTPAnswer {
        try await onThread {
            let start = ContinuousClock.now
            let socket = try Socket.connect(port: port)
            defer { close(socket) }
            var limit = timeval(tv_sec: Int(timeout.components.seconds), tv_usec: 0)
            for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                setsockopt(socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
            }
            var head =
                "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\nContent-Length: \(body.count)\r\n"
            for (name, value) in headers { head += "\(name): \(value)\r\n" }
            // A server may answer and close before it has read all of a body it doesn't want: then its answer is still there.
            _ = Socket.write(ArraySlice(Array((head + "\r\n").utf8) + body), to: socket)
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            var received = Data()
            while let bytes = Socket.read(from: socket, into: &buffer) { received.append(contentsOf: bytes) }
            return try parse(received, took: start.duration(to: .now), what: "\(method) \(path)")
        }
    }

    private static func parse(_ bytes: Data, took duration: Duration, what: String) throws -> HTTPAnswer {
        guard let end = bytes.range(of: Data("\r\n\r\n".utf8)) else {
            throw ProcessFederationError("\(what): the connection ended before an answer came.")
        }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw ProcessFederationError("\(what): this is not an HTTP answer: \(lines.first ?? "")")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        var body = Data(bytes[end.upperBound...])
        if headers["transfer-encoding"]?.lowercased() == "chunked" {
            guard let whole = dechunked(body) else { throw ProcessFederationError("\(what): the answer is cut short.") }
            body = whole
        } else if let length = headers["content-length"].flatMap({ Int($0) }), body.count < length {
            throw ProcessFederationError("\(what): the answer is cut short.")
        }
        return HTTPAnswer(status: status, headers: headers, body: body, duration: duration)
    }

    private static func dechunked(_ bytes: Data) -> Data? {
        var rest = bytes[...]
        var whole = Data()
        while let end = rest.range(of: Data("\r\n".utf8)) {
            guard let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16) else { return nil }
            if size == 0 { return whole }
            guard rest.distance(from: end.upperBound, to: rest.endIndex) >= size + 2 else { return nil }
            let last = rest.index(end.upperBound, offsetBy: size)
            whole.append(rest[end.upperBound..<last])
            rest = rest[rest.index(last, offsetBy: 2)...]
        }
        return nil
    }
}
