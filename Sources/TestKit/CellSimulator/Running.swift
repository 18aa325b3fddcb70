internal import ComputeAgent
internal import Conductor
internal import Foundation
internal import Messaging
internal import SuperScheduler

/// What runs until it is cancelled.
package protocol Runnable: Sendable {
    func run() async throws
}

extension MemoryMessenger: Runnable {}
extension ConductorService: Runnable {}
extension SuperSchedulerService: Runnable {}
extension HostAgent: Runnable {}

/// A process of the simulation: ended by cancelling it, which is as sudden as the code allows inside one process. (The journeys over real
/// processes use SIGKILL.)
final class Running: Sendable {
    private let task: Task<Void, Never>

    init(_ services: [any Runnable]) {
        task = Task {
            await withTaskGroup(of: Void.self) { group in
                for service in services { group.addTask { try? await service.run() } }
                await group.waitForAll()
            }
        }
    }

    /// Begins its end.
    func cancel() { task.cancel() }

    func stop() async {
        task.cancel()
        await task.value
    }
}

/// Waits until something holds, looking every few milliseconds; says what was waited for when it doesn't come.
package func eventually(
    _ what: String, within limit: Duration = .seconds(30), _ holds: @Sendable () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while true {
        if try await holds() { return }
        guard ContinuousClock.now < end else { throw NeverCame(what: what) }
        try await Task.sleep(for: .milliseconds(15))
    }
}

package struct NeverCame: Error, CustomStringConvertible {
    let what: String
    package var description: String { "It never came that \(what)." }
}
