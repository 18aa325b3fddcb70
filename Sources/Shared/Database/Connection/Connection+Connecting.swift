internal import CLibPQ
internal import Logging

extension Connection {
    /// PQconnectStartParams and the first look at its socket (manual, 34.1).
    func connect() {
        guard case .connecting = phase, pg == nil else { return }
        let now = PollThread.now()
        token = PollThread.shared.register(self)
        connectDeadline = now + settings.connectTimeout.nanoseconds
        lastHeard = now
        setTimer(connectDeadline)

        var parameters: [(String, String)] = [
            ("dbname", settings.address.conninfo),
            ("fallback_application_name", settings.applicationName),
            ("client_encoding", "UTF8"),
            ("options", serverOptions()),
        ]
        if let database = settings.address.database { parameters.append(("dbname", database)) }
        pg = withCStrings(parameters.map(\.0)) { keywords in
            withCStrings(parameters.map(\.1)) { values in PQconnectStartParams(keywords, values, 1) }
        }
        guard let pg, PQstatus(pg) != CONNECTION_BAD else {
            return fail(.connectionLost(lastMessage))
        }
        PQsetNoticeProcessor(pg, { _, _ in }, nil)  // libpq would print NOTICEs on stderr
        watchWhileConnecting(PGRES_POLLING_WRITING)
    }

    func continueConnecting() {
        guard let pg else { return }
        let status = PQconnectPoll(pg)
        switch status {
        case PGRES_POLLING_OK: connected()
        case PGRES_POLLING_READING, PGRES_POLLING_WRITING: watchWhileConnecting(status)
        default: fail(.connectionLost(lastMessage))
        }
    }

    private func connected() {
        guard let pg else { return }
        guard PQsetnonblocking(pg, 1) == 0, PQenterPipelineMode(pg) == 1 else {
            return fail(.connectionLost(lastMessage))
        }
        phase = .ready
        connectDeadline = .max
        lastHeard = PollThread.now()
        watched = 0
        watch(EPOLLIN.rawValue)
        if let heartbeat = settings.heartbeat { setTimer(lastHeard + heartbeat.nanoseconds) }
        let waiting = early
        early = []
        for operation in waiting { start(operation) }
        if case .ready = phase { onReady() }
    }

    private func watchWhileConnecting(_ status: PostgresPollingStatusType) {
        watched = 0  // libpq may have changed its socket
        watch(status == PGRES_POLLING_READING ? EPOLLIN.rawValue : EPOLLOUT.rawValue)
    }

    func watch(_ events: UInt32) {
        guard let pg, events != watched else { return }
        socket = PQsocket(pg)
        watched = events
        guard socket >= 0, PollThread.shared.watch(socket, token, events) else {
            return fail(.connectionLost("The socket to PostgreSQL cannot be watched."))
        }
    }

    /// The conninfo's own `options`, then ours.
    private func serverOptions() -> String {
        var options = ""
        if let parsed = PQconninfoParse(settings.address.conninfo, nil) {
            defer { PQconninfoFree(parsed) }
            var option = parsed
            while let keyword = option.pointee.keyword {
                if String(cString: keyword) == "options", let value = option.pointee.val {
                    options = String(cString: value) + " "
                }
                option += 1
            }
        }
        return options + settings.ofServer.map { "-c \($0)" }.joined(separator: " ")
    }
}

extension Duration {
    var milliseconds: Int64 { nanoseconds / 1_000_000 }
}

/// Lends C a NULL-terminated array of C strings.
func withCStrings<R>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R) -> R {
    var bytes: [CChar] = []
    var offsets: [Int] = []
    for string in strings {
        offsets.append(bytes.count)
        bytes += string.utf8CString
    }
    return bytes.withUnsafeBufferPointer { bytes in
        let pointers: [UnsafePointer<CChar>?] = offsets.map { offset in bytes.baseAddress.map { $0 + offset } } + [nil]
        return pointers.withUnsafeBufferPointer { pointers in
            guard let base = pointers.baseAddress else {
                preconditionFailure("An array of at least one element has an address.")
            }
            return body(base)
        }
    }
}
