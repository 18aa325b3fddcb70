import CloudModel
import Glibc

/// Free TCP ports of 127.0.0.1, below those that the kernel gives to outgoing connections: a daemon that was killed finds its port
/// free again. No other test process takes one of them while this one lives.
enum Ports {
    private static let next = Lock(20_000 + Int(getpid()) * 61 % 10_000)

    static func take() -> Int {
        next.withLock { candidate in
            while true {
                candidate = candidate >= 32_000 ? 20_000 : candidate + 1
                if isFree(candidate) { return candidate }
            }
        }
    }

    /// A port of our own, listening. A program that is being started at this moment may still hold the descriptor with which a port was
    /// tried, until it has become itself; then another port does.
    static func listen() throws -> (port: Int, socket: Int32) {
        for _ in 0..<20 {
            let port = take()
            if let socket = try? Socket.listen(port: port) { return (port, socket) }
        }
        throw ProcessFederationError("No port of 127.0.0.1 can be listened on.")
    }

    private static func isFree(_ port: Int) -> Bool {
        guard Socket.hold("meridian-test-port-\(port)"), let listener = try? Socket.listen(port: port) else { return false }
        close(listener)
        return true
    }
}

/// The few calls of sockets(7) that are needed here.
enum Socket {
    static func listen(port: Int) throws -> Int32 {
        let socket = make()
        var yes: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard withAddress(port, { bind(socket, $0, $1) }) == 0, Glibc.listen(socket, 256) == 0 else {
            close(socket)
            throw ProcessFederationError("Port \(port) can't be listened on: \(String(cString: strerror(errno)))")
        }
        return socket
    }

    /// Whether this process has that name from now on, until it ends (a name in the abstract space of unix(7)).
    static func hold(_ name: String) -> Bool {
        let holder = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            for (index, byte) in name.utf8.enumerated() where index + 1 < path.count { path[index + 1] = byte }
        }
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(holder, $0, socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count))
            }
        }
        if isBound != 0 { close(holder) }
        return isBound == 0
    }

    static func connect(port: Int) throws -> Int32 {
        let socket = make()
        guard withAddress(port, { Glibc.connect(socket, $0, $1) }) == 0 else {
            let reason = String(cString: strerror(errno))
            close(socket)
            throw ProcessFederationError("Port \(port) can't be connected to: \(reason)")
        }
        var yes: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        return socket
    }

    /// Writes all; false when the other end is gone.
    static func write(_ bytes: ArraySlice<UInt8>, to socket: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// What there is, at least a byte; nil at the end, after an error, or when the socket's time is over.
    static func read(from socket: Int32, into buffer: inout [UInt8]) -> ArraySlice<UInt8>? {
        while true {
            let count = buffer.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
            if count < 0, errno == EINTR { continue }
            return count > 0 ? buffer[..<count] : nil
        }
    }

    private static func make() -> Int32 { socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }

    private static func withAddress(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
