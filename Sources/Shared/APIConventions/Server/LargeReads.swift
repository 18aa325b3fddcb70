import NIOCore

/// Lets a connection that sends much be read in large pieces: an image comes in a quarter of the system calls and of the hand-overs
/// between threads. Buffers start small and grow only while they are filled, so that a thousand quiet connections cost what they did.
final class LargeReads: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    /// Bytes read at once. More is memory: NIO holds ten of them per connection before it stops reading; less is more wake-ups.
    private static let largest = 256 * 1024
    /// NIO's own.
    private static let smallest = 64
    private static let first = 2048

    func handlerAdded(context: ChannelHandlerContext) {
        // A channel that is closed already reads nothing more.
        try? context.channel.syncOptions?.setOption(
            ChannelOptions.recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(minimum: Self.smallest, initial: Self.first, maximum: Self.largest))
    }
}
