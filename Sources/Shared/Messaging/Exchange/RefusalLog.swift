import CellProtocol
import CloudModel
import Logging

/// Says what a messenger refused, at most once a second for each reason: a peer gone wrong must not fill the disk. The counters
/// count every one.
final class RefusalLog: Sendable {
    enum Reason: String {
        case tooLarge = "message over the limit refused"
        case malformed = "malformed message refused"
        case unknownKind = "message of unknown kind refused"
        case forbidden = "message that its sender may not say refused"
        case overloaded = "message refused: too many are waiting"
        case superseded = "message of an older connection refused: two processes use one key"
        case claimedName = "message refused: its connection may not speak for the name it gives"
        case tooManyHosts = "message refused: its connection speaks for as many hosts as a link may have"
        case simulator = "connection of a simulator refused: this region's hosts are not simulated"
        case unknownKey = "connection with an unknown key refused"
        case ownRoutingID = "message of a connection with a routing id of its own refused"
    }

    let logger: Logger
    private let told = Lock<[Reason: (at: BootInstant, since: Int)]>([:])

    init(_ logger: Logger) {
        self.logger = logger
    }

    func refused(_ reason: Reason, _ peer: PeerName?, _ metadata: Logger.Metadata = [:]) {
        let now = BootInstant.now()
        let suppressed = told.withLock { told -> Int? in
            if let last = told[reason], now - last.at < .seconds(1) {
                told[reason] = (last.at, last.since + 1)
                return nil
            }
            defer { told[reason] = (now, 0) }
            return told[reason]?.since ?? 0
        }
        guard let suppressed else { return }
        var metadata = metadata
        if let peer { metadata["peer"] = "\(peer)" }
        if suppressed > 0 { metadata["more_since"] = "\(suppressed)" }
        logger.warning("\(reason.rawValue)", metadata: metadata)
    }

    func failed(_ message: IncomingMessage, _ error: any Error) {
        var metadata: Logger.Metadata = ["peer": "\(message.from)", "kind": "\(message.kind)", "error": "\(error)"]
        if let request = message.request { metadata["request"] = "\(request)" }
        logger.error("handler failed", metadata: metadata)
    }

    func joined(_ peer: PeerName) { logger.info("peer joined", metadata: ["peer": "\(peer)"]) }
    func lost(_ peer: PeerName) { logger.warning("peer lost", metadata: ["peer": "\(peer)"]) }
}
