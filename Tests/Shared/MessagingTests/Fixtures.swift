import CellProtocol
import CloudModel
import Foundation
import Testing

@testable import Messaging

/// Peers in one process over TCP on the loopback, each with a key of its own, through relays that can be cut.
final class ZeroMQFixture: Fixture {
    let hubKeys = CurveKeyPair.generate()
    let hubName: PeerName
    private let sharedLinks: Bool
    private let keys = Lock<[PeerName: CurveKeyPair]>([:])
    private let made = Lock<[any TestedMessenger]>([])
    private let relays = Lock<[(peer: PeerName, relay: Relay)]>([])
    private let control: String
    private let bulk: String
    let folder: String

    init(hub: PeerName = .hub("top"), sharedLinks: Bool = false) throws {
        hubName = hub
        self.sharedLinks = sharedLinks
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("enrolled-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        control = "tcp://127.0.0.1:\(try Relay.freePort())"
        bulk = "tcp://127.0.0.1:\(try Relay.freePort())"
    }

    func hub(limits: MessagingLimits) throws -> any TestedMessenger {
        try retryingBind {
            try ZeroMQMessenger(
                .init(
                    name: self.hubName, keys: self.hubKeys,
                    listen: [
                        Listener(
                            control: self.control, bulk: self.bulk, enrolment: Enrolment(directory: self.folder),
                            sharedLinks: self.sharedLinks)
                    ],
                    heartbeat: testHeartbeat, limits: limits), logger: quietLogger)
        }
    }

    func peer(_ name: PeerName, limits: MessagingLimits) throws -> any TestedMessenger {
        let messenger = try ZeroMQMessenger(
            .init(
                name: name, keys: try enrol(name),
                dial: [Dial(peer: hubName, control: try dialled(by: name), bulk: bulk, serverKey: hubKeys.publicKey)],
                heartbeat: testHeartbeat, limits: limits), logger: quietLogger)
        made.withLock { $0.append(messenger) }
        return messenger
    }

    /// The key of a name; made and enrolled at the first call.
    func enrol(_ name: PeerName) throws -> CurveKeyPair {
        if let known = keys.withLock({ $0[name] }) { return known }
        let pair = CurveKeyPair.generate()
        try pair.writePublicKey(to: "\(folder)/\(name.role.rawValue)_\(name.name).key")
        keys.withLock { $0[name] = pair }
        return pair
    }

    func enrols(_ name: PeerName) throws { _ = try enrol(name) }

    var directControl: String { control }

    private func dialled(by name: PeerName) throws -> String {
        guard let port = control.split(separator: ":").last.flatMap({ UInt16($0) }) else { return control }
        let relay = try Relay(to: port)
        relays.withLock { $0.append((name, relay)) }
        return "tcp://127.0.0.1:\(relay.port)"
    }

    func cut(_ from: PeerName, _ to: PeerName, oneWay: Bool) {
        for (peer, relay) in relays.withLock({ $0 }) {
            if peer == from || !oneWay && peer == to { relay.cutsUp = true }
            if peer == to || !oneWay && peer == from { relay.cutsDown = true }
        }
    }

    func heal() {
        for (_, relay) in relays.withLock({ $0 }) { relay.heal() }
    }

    func stop() {
        for messenger in made.withLock({ $0 }) { messenger.stop() }
        for (_, relay) in relays.withLock({ $0 }) { relay.stop() }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The port of a hub that was just stopped is free a moment later: sockets close on libzmq's own thread.
    private func retryingBind(_ make: () throws -> ZeroMQMessenger) throws -> any TestedMessenger {
        for attempt in 1... {
            do {
                let messenger = try make()
                made.withLock { $0.append(messenger) }
                return messenger
            } catch  where attempt < 200 {
                usleep(10_000)
            }
        }
        throw POSIXError(.EADDRINUSE)
    }
}

/// The twin without faults.
final class MemoryFixture: Fixture {
    let network = MemoryNetwork(seed: 1)
    let hubName: PeerName
    private let made = Lock<[any TestedMessenger]>([])
    /// What simulators may not speak for, where links are shared.
    private let folder: String?

    init(hub: PeerName, sharedLinks: Bool) throws {
        hubName = hub
        let made = FileManager.default.temporaryDirectory.appendingPathComponent("enrolled-\(UUID().uuidString)").path
        folder = sharedLinks ? made : nil
        if sharedLinks { try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: true) }
    }

    func hub(limits: MessagingLimits) throws -> any TestedMessenger {
        keep(
            network.messenger(
                hubName, sharedLinks: folder.map { Enrolment(directory: $0) }, heartbeat: testHeartbeat, limits: limits,
                logger: quietLogger))
    }

    func peer(_ name: PeerName, limits: MessagingLimits) throws -> any TestedMessenger {
        keep(network.messenger(name, dialling: [hubName], heartbeat: testHeartbeat, limits: limits, logger: quietLogger))
    }

    func enrols(_ name: PeerName) throws {
        if let folder { try CurveKeyPair.generate().writePublicKey(to: "\(folder)/\(name.role.rawValue)_\(name.name).key") }
    }

    func cut(_ from: PeerName, _ to: PeerName, oneWay: Bool) { network.cut(from, to, oneWay: oneWay) }
    func heal() { network.heal() }

    private func keep(_ messenger: MemoryMessenger) -> any TestedMessenger {
        made.withLock { $0.append(messenger) }
        return messenger
    }

    func stop() {
        for messenger in made.withLock({ $0 }) { messenger.stop() }
        if let folder { try? FileManager.default.removeItem(atPath: folder) }
    }
}
