/// What a messenger has counted since it started. Each refusal has its own number, because each means something else to an operator.
package struct MessagingCounters: Sendable, Hashable {
    /// Calls, casts, replies and heartbeats handed to the transport.
    package var sent = 0
    /// Well-formed calls, casts and replies taken from it.
    package var received = 0
    /// Heartbeats taken from it.
    package var heartbeats = 0
    /// Calls answered with a reply.
    package var answered = 0
    /// Calls of ours that ended without an answer in time.
    package var timedOut = 0
    /// Messages that could not be delivered: no connection under that name, or the time was over while they waited.
    package var undeliverable = 0
    /// Messages refused or dropped because a queue was full.
    package var overloaded = 0
    /// Messages of ours over the lane's limit.
    package var tooLarge = 0
    /// Messages of others over the lane's limit. What is over twice the limit never leaves libzmq, which closes the connection: it shows
    /// as one of `reconnected`.
    package var oversized = 0
    /// Peers that came back by a new connection: after a cut, a restart, or a message that libzmq didn't take.
    package var reconnected = 0
    /// Bytes that are no message of a version we speak, and bodies that can't be read.
    package var malformed = 0
    /// Messages whose kind nobody here handles.
    package var unknownKind = 0
    /// Messages that the sender's role may not say.
    package var forbidden = 0
    /// Copies of a message that was taken before.
    package var duplicates = 0
    /// Handlers that threw something other than a `CloudError`.
    package var failed = 0
    /// Replies that nobody waits for any more.
    package var lateReplies = 0
    /// Connections under a name whose newer connection is alive: two processes use one key.
    package var superseded = 0
    /// Handshakes with a key that is not enrolled.
    package var unknownKeys = 0
    /// Messages under a name for which their connection may not speak, and handshakes of simulators where none may speak.
    package var claimedNames = 0
    /// Handshakes admitted.
    package var admitted = 0

    package init() {}
}
