import CellProtocol

/// Every bound of a messenger. The defaults serve a hub with 32 cells as well as a conductor with 4,000 hosts.
package struct MessagingLimits: Sendable {
    /// Bytes of a message on the control lane. More would let one message hold up the calls behind it.
    package var controlBytes = Lane.control.bytes
    /// Bytes of a message on the bulk lane. A snapshot is cut into parts of this size.
    package var bulkBytes = Lane.bulk.bytes
    /// Messages that libzmq queues per connection and direction. Too low: bursts are refused as overloaded; too high: memory, and
    /// old messages before new ones after a stall.
    package var highWaterMark = 4_096
    /// The same on the bulk lane, whose messages are a thousand times larger.
    package var bulkHighWaterMark = 32
    /// Calls of ours waiting for an answer. Each costs about 300 bytes and a suspended task.
    package var outstandingCalls = 16_384
    /// Calls of others that run at once. Too high: a storm takes every database connection; too low: slow handlers hold up quick ones.
    package var runningCalls = 1_024
    /// Calls of others that wait to run. Beyond it the caller hears `.overloaded` at once.
    package var waitingCalls = 4_096
    /// Of these, calls of one peer. Below what runs in all, so that a peer gone wrong slows the others down and doesn't shut them out;
    /// too low: a cell can't pass its hosts' questions on as fast as they come.
    package var runningCallsOfOnePeer = 256
    package var waitingCallsOfOnePeer = 1_024
    /// The same for all simulators together, whose links are thousands of hosts': they may take most of what there is, as they would with a
    /// link each, and leave room for the cell's scheduler and its hub, however many processes simulate.
    package var runningCallsOfSimulators = 768
    package var waitingCallsOfSimulators = 3_072
    /// Hosts that one simulator may speak for. Each that it names costs up to 20 KB here.
    package var hostsOfOneLink = 10_000
    /// Casts of one link waiting for its handler. Beyond it the oldest is dropped: the newer value is worth more.
    package var waitingCasts = 1_024
    /// Messages waiting for the reactor, or for a connection that we dial.
    package var waitingMessages = 16_384
    /// Bytes of those, per process.
    package var waitingBytes = 128 << 20
    /// Message ids remembered per peer, against copies. A copy that comes later than this many other messages is taken for new. Each
    /// costs about 60 bytes, for each of thousands of peers; TCP makes no copies.
    package var rememberedMessages = 256
    /// How long a cast may wait for a connection or in a queue before it is dropped.
    package var castLifetime = Duration.seconds(10)
    /// Heartbeats without a round trip after which a peer counts as lost (and an older connection under its name may speak again).
    package var silentAfter = 5

    package init() {}

    func bytes(_ lane: Lane) -> Int {
        switch lane {
        case .control: controlBytes
        case .bulk: bulkBytes
        }
    }
}
