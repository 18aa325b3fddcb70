import CellProtocol

/// A message on its way out: encoded by the sender's thread, stamped with the time that is left and sent by the transport's.
struct OutgoingFrame: Sendable {
    let to: Address
    let lane: Lane
    let type: Envelope.Kind
    let id: UInt64
    /// Not sent after this.
    let expires: BootInstant
    var bytes: [UInt8]

    /// The bytes to send now; nil when the time is over.
    mutating func stamped(at now: BootInstant) -> [UInt8]? {
        guard expires > now else { return nil }
        let left = (expires - now).wholeMilliseconds
        Envelope.stamp(&bytes, milliseconds: UInt32(min(left, Int64(UInt32.max))))
        return bytes
    }
}

/// What an `Exchange` needs of the transport below it.
protocol Outbox: Sendable {
    /// Takes a message, from any thread, without blocking. False: too many are waiting. What becomes of it later is told by
    /// `Exchange.undelivered`.
    func submit(_ frame: OutgoingFrame) -> Bool
}

/// Why a message was not sent.
enum Undelivered {
    case unreachable, expired, overloaded
}
