import Observability
import Testing

@Suite struct MetricsTests {
    @Test func theSameNameAndLabelsAreTheSameCounter() {
        let registry = MetricsRegistry()
        registry.counter("boots_total", ["cell": "tunis"]).increment()
        registry.counter("boots_total", ["cell": "tunis"]).increment(by: 2)
        registry.counter("boots_total", ["cell": "london"]).increment()
        #expect(
            registry.exposition() == """
                # TYPE boots_total counter
                boots_total{cell="london"} 1
                boots_total{cell="tunis"} 3

                """)
    }

    @Test func aHistogramCountsIntoBucketsThatAddUp() {
        let registry = MetricsRegistry()
        let histogram = registry.histogram("wait_seconds")
        histogram.observe(0.002)
        histogram.observe(.milliseconds(20))
        histogram.observe(3600)
        let text = registry.exposition()
        #expect(text.contains("wait_seconds_bucket{le=\"0.0025\"} 1\n"))
        #expect(text.contains("wait_seconds_bucket{le=\"0.025\"} 2\n"))
        #expect(text.contains("wait_seconds_bucket{le=\"60.0\"} 2\n"))
        #expect(text.contains("wait_seconds_bucket{le=\"+Inf\"} 3\n"))
        #expect(text.contains("wait_seconds_count 3\n"))
    }

    @Test func labelsAreEscaped() {
        let registry = MetricsRegistry()
        registry.gauge("odd", ["path": "a\"b\\c\nd"]).set(1.5)
        #expect(registry.exposition().contains(#"odd{path="a\"b\\c\nd"} 1.5"#))
    }

    @Test func gaugesAddWithoutLosingAnUpdate() async {
        let gauge = MetricsRegistry().gauge("open")
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { for _ in 0..<1000 { gauge.add(1) } } }
        }
        #expect(gauge.value == 8000)
    }
}
