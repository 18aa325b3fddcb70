import CloudModel

/// The numbers a process keeps about itself, written out in Prometheus's text format 0.0.4 by the health server.
///
/// Look a metric up once and keep it: a lookup takes the registry's lock, counting doesn't. A name means one kind of metric;
/// asking for it as another kind is a programming error and stops the process in debug builds.
package final class MetricsRegistry: Sendable {
    package static let shared = MetricsRegistry()

    private struct Key: Hashable {
        let name: String
        let labels: [String: String]
    }

    private enum Metric {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
    }

    private let metrics = Lock<[Key: Metric]>([:])

    package init() {}

    /// A number that only grows, such as requests answered. Same name and labels, same counter.
    package func counter(_ name: String, _ labels: [String: String] = [:]) -> Counter {
        metrics.withLock { metrics in
            let key = Key(name: name, labels: labels)
            if case .counter(let known)? = metrics[key] { return known }
            assert(metrics[key] == nil, "\(name) is not a counter")
            let new = Counter()
            metrics[key] = .counter(new)
            return new
        }
    }

    /// A number that goes up and down, such as connections in use.
    package func gauge(_ name: String, _ labels: [String: String] = [:]) -> Gauge {
        metrics.withLock { metrics in
            let key = Key(name: name, labels: labels)
            if case .gauge(let known)? = metrics[key] { return known }
            assert(metrics[key] == nil, "\(name) is not a gauge")
            let new = Gauge()
            metrics[key] = .gauge(new)
            return new
        }
    }

    /// How long something takes, in seconds.
    package func histogram(_ name: String, _ labels: [String: String] = [:]) -> Histogram {
        metrics.withLock { metrics in
            let key = Key(name: name, labels: labels)
            if case .histogram(let known)? = metrics[key] { return known }
            assert(metrics[key] == nil, "\(name) is not a histogram")
            let new = Histogram()
            metrics[key] = .histogram(new)
            return new
        }
    }

    /// Everything, as Prometheus reads it (`text/plain; version=0.0.4`).
    package func exposition() -> String {
        let all = metrics.withLock { $0 }.sorted {
            ($0.key.name, Self.text($0.key.labels)) < ($1.key.name, Self.text($1.key.labels))
        }
        var out = ""
        var lastName = ""
        for (key, metric) in all {
            let isNew = key.name != lastName
            lastName = key.name
            let labels = Self.text(key.labels)
            switch metric {
            case .counter(let counter):
                if isNew { out += "# TYPE \(key.name) counter\n" }
                out += "\(key.name)\(Self.braces(labels)) \(counter.value)\n"
            case .gauge(let gauge):
                if isNew { out += "# TYPE \(key.name) gauge\n" }
                out += "\(key.name)\(Self.braces(labels)) \(gauge.value)\n"
            case .histogram(let histogram):
                if isNew { out += "# TYPE \(key.name) histogram\n" }
                let snapshot = histogram.snapshot()
                var below = 0
                for (bound, count) in zip(Histogram.bounds, snapshot.buckets) {
                    below += count
                    out += "\(key.name)_bucket\(Self.braces(labels, "le=\"\(bound)\"")) \(below)\n"
                }
                out += "\(key.name)_bucket\(Self.braces(labels, "le=\"+Inf\"")) \(snapshot.count)\n"
                out += "\(key.name)_sum\(Self.braces(labels)) \(snapshot.sum)\n"
                out += "\(key.name)_count\(Self.braces(labels)) \(snapshot.count)\n"
            }
        }
        return out
    }

    private static func text(_ labels: [String: String]) -> String {
        labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value))\"" }.joined(separator: ",")
    }

    private static func braces(_ parts: String...) -> String {
        let joined = parts.filter { !$0.isEmpty }.joined(separator: ",")
        return joined.isEmpty ? "" : "{\(joined)}"
    }

    private static func escaped(_ value: String) -> String {
        var out = ""
        for character in value {
            switch character {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.append(character)
            }
        }
        return out
    }
}
