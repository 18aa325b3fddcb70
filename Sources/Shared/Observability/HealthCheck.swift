/// One named answer of a daemon about itself, shown under `/healthz`.
package struct HealthCheck: Sendable, Equatable {
    package let isHealthy: Bool
    /// What is wrong, or what was looked at.
    package let message: String

    package static let healthy = HealthCheck(isHealthy: true, message: "ok")
    package static func healthy(_ message: String) -> HealthCheck { HealthCheck(isHealthy: true, message: message) }
    package static func unhealthy(_ message: String) -> HealthCheck { HealthCheck(isHealthy: false, message: message) }
}
