import CellProtocol
import Messaging

/// A host's hello, on the lane that takes it. What doesn't fit even there is left out, the least needed first: a host that can't say
/// hello gets no orders, and how long the hello is lies with its tenants.
///
/// The last step bounds it: a guest without its spec takes under 400 bytes, so that the bulk lane carries 20,000 of them.
struct Greeting {
    let hello: HostHello
    let lane: Lane

    /// Throws what the encoder throws, and `MessagingError.tooLarge` for a host that nothing can describe.
    init(_ hello: HostHello, control: Int = Lane.control.bytes, bulk: Int = Lane.bulk.bytes) throws {
        var hello = hello
        var bytes = try CellCoding.encode(hello).count
        if bytes <= control {
            (self.hello, lane) = (hello, .control)
            return
        }
        lane = .bulk
        if bytes > bulk {
            for index in hello.guests.indices { hello.guests[index].spec?.leaveOutTexts() }
            bytes = try CellCoding.encode(hello).count
        }
        if bytes > bulk {
            // The cell knows the specs of what it ordered. Of a guest that it doesn't know it then notes no more than that it is there.
            for index in hello.guests.indices { hello.guests[index].spec = nil }
            bytes = try CellCoding.encode(hello).count
        }
        guard bytes <= bulk else { throw MessagingError.tooLarge(bytes: bytes, limit: bulk) }
        self.hello = hello
    }
}

extension ServerSpec {
    /// What tenants write, and nothing is recovered from.
    fileprivate mutating func leaveOutTexts() {
        metadata = [:]
        hints = [:]
        publicKey = nil
    }
}
