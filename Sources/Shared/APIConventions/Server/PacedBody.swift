import HTTPTypes
package import Hummingbird
package import NIOCore

extension ResponseBody {
    /// A long body that is written no faster than its client takes it: of each download two pieces are in memory, whoever is slow.
    ///
    /// A connection says that it is full only after its event loop has worked on what was handed to it. A writer that doesn't wait for that
    /// is always told to go on, and faster than a busy loop encrypts, so that whole images would queue up in memory.
    ///
    /// - Parameter loop: the connection's (`APIRequestContext.eventLoop`).
    package init(
        contentLength: Int?, pacedBy loop: any EventLoop,
        _ write: @Sendable @escaping (inout any ResponseBodyWriter) async throws -> Void
    ) {
        self.init(contentLength: contentLength) { writer in
            var paced: any ResponseBodyWriter = PacedWriter(connection: writer, loop: loop)
            try await write(&paced)
        }
    }
}

/// Waits after each piece until the event loop has had it.
private struct PacedWriter: ResponseBodyWriter {
    var connection: any ResponseBodyWriter
    let loop: any EventLoop

    mutating func write(_ piece: ByteBuffer) async throws {
        try await connection.write(piece)
        // Runs behind the piece, which was put into the same queue before.
        try await loop.submit {}.get()
    }

    consuming func finish(_ trailers: HTTPFields?) async throws { try await connection.finish(trailers) }
}
