import CellProtocol
import CloudModel
import Foundation
import Logging
import Testing

@testable import Messaging

/// Both transports, as a test uses them.
protocol TestedMessenger: Messenger, AnyObject {
    func start() throws
    func stop()
    func member(_ host: PeerName) -> LinkMember
    var counters: MessagingCounters { get }
}

extension ZeroMQMessenger: TestedMessenger {}
extension MemoryMessenger: TestedMessenger {}

/// Where a contract test plays: one hub that listens, and peers that dial it.
protocol Fixture {
    var hubName: PeerName { get }
    /// Listens under one address for the fixture's life: a second one takes the place of the first, which must have been stopped.
    func hub(limits: MessagingLimits) throws -> any TestedMessenger
    /// Dials the hub. Two with one name have one key.
    func peer(_ name: PeerName, limits: MessagingLimits) throws -> any TestedMessenger
    /// The name gets a key of its own.
    func enrols(_ name: PeerName) throws
    /// Nothing passes from the first to the second, and back if not `oneWay`.
    func cut(_ from: PeerName, _ to: PeerName, oneWay: Bool)
    func heal()
}

extension Fixture {
    func hub() throws -> any TestedMessenger { try hub(limits: MessagingLimits()) }
    func peer(_ name: PeerName) throws -> any TestedMessenger { try peer(name, limits: MessagingLimits()) }
}

/// The parameter of every contract test.
enum Transport: String, CaseIterable, CustomTestStringConvertible {
    case zeroMQ, memory

    var testDescription: String { rawValue }

    /// Runs the body and stops everything it made.
    func perform(_ body: (any Fixture) async throws -> Void) async throws {
        try await perform(hub: .hub("top"), sharedLinks: false, body)
    }

    /// The same with a cell in the hub's place, which lets simulators speak for hosts.
    func sharingLinks(_ body: (any Fixture) async throws -> Void) async throws {
        try await perform(hub: .cell("tunis"), sharedLinks: true, body)
    }

    private func perform(hub: PeerName, sharedLinks: Bool, _ body: (any Fixture) async throws -> Void) async throws {
        switch self {
        case .zeroMQ:
            let fixture = try ZeroMQFixture(hub: hub, sharedLinks: sharedLinks)
            defer { fixture.stop() }
            try await body(fixture)
        case .memory:
            let fixture = try MemoryFixture(hub: hub, sharedLinks: sharedLinks)
            defer { fixture.stop() }
            try await body(fixture)
        }
    }
}

let testHeartbeat = Duration.milliseconds(100)

var quietLogger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

/// Waits for a state, two minutes at most: a machine that builds beside the tests may be that slow. (Polling: what is waited for is often "nothing more happens to a counter".)
func eventually(
    _ what: String, within limit: Duration = .seconds(120), at location: SourceLocation = #_sourceLocation,
    _ holds: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await holds() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("never: \(what)", sourceLocation: location)
    throw Never(what: what)
}

private struct Never: Error { let what: String }

extension Messenger {
    func ask(_ peer: PeerName, _ kind: String = "echo/1", _ body: [UInt8] = [1, 2, 3], timeout: Duration = .seconds(120))
        async throws -> [UInt8]
    {
        try await call(peer, kind: kind, body: body, lane: .control, request: nil, timeout: timeout)
    }

    func tell(_ peer: PeerName, _ kind: String, _ body: [UInt8] = []) {
        cast(peer, kind: kind, body: body, lane: .control, request: nil)
    }

    func answersEcho() {
        handle("echo/1", from: Set(PeerName.Role.allCases)) { $0.body }
    }

    func has(_ peer: PeerName) -> Bool { peers.contains { $0.peer == peer } }
}

/// A box for what handlers note.
final class Notes<Value: Sendable>: Sendable {
    private let values = Lock<[Value]>([])
    func add(_ value: Value) { values.withLock { $0.append(value) } }
    var all: [Value] { values.withLock { $0 } }
    var count: Int { values.withLock { $0.count } }
}

/// Opens once. Who is cancelled waits no longer.
actor Gate {
    private var isOpen = false
    private var waiting: [Int: CheckedContinuation<Void, any Error>] = [:]
    private var last = 0

    func open() {
        isOpen = true
        for continuation in waiting.values { continuation.resume() }
        waiting = [:]
    }

    func pass() async throws {
        if isOpen { return }
        last += 1
        let number = last
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                // A cancellation before this found nobody to leave.
                guard !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                waiting[number] = continuation
            }
        } onCancel: {
            Task { await self.leave(number) }
        }
    }

    private func leave(_ number: Int) { waiting.removeValue(forKey: number)?.resume(throwing: CancellationError()) }
}

/// A folder that is gone after the test.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("messaging-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}
