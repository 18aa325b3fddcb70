/// The body of a heartbeat: four numbers of eight bytes. Number 0 only announces a connection (the bulk socket's) and proves nothing.
struct Heartbeat: Equatable {
    /// Drawn at random when the sending process started.
    var incarnation: UInt64
    /// The sender's own count.
    var number: UInt64
    /// The last number the sender has seen from the receiver, and the receiver's incarnation at the time; 0 and 0 for none.
    var echo: UInt64
    var echoedIncarnation: UInt64

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        bytes.append(number: incarnation)
        bytes.append(number: number)
        bytes.append(number: echo)
        bytes.append(number: echoedIncarnation)
        return bytes
    }

    init(incarnation: UInt64, number: UInt64, echo: UInt64, echoedIncarnation: UInt64) {
        self.incarnation = incarnation
        self.number = number
        self.echo = echo
        self.echoedIncarnation = echoedIncarnation
    }

    init(reading body: [UInt8]) throws(MalformedMessage) {
        guard body.count >= 32 else { throw MalformedMessage("a heartbeat of \(body.count) bytes") }
        (incarnation, number, echo, echoedIncarnation) = body.withUnsafeBytes { bytes in
            (bytes.number(at: 0), bytes.number(at: 8), bytes.number(at: 16), bytes.number(at: 24))
        }
    }
}
