import CloudModel

/// An accepted request to change a server, before it has its number.
struct NewAction: Sendable {
    let verb: Verb
    let intent: IntentID
    let request: RequestID?
    let project: ProjectID
    let user: UserID
    let hardReboot: Bool
    let at: Timestamp
    /// How long the cell may take to start it: a reboot that comes out of the blue an hour later is worse than one that has to be asked
    /// for again. None for delete.
    let startWithin: Duration?

    init(
        _ verb: Verb, by caller: (project: ProjectID, user: UserID), request: RequestID?, hardReboot: Bool = false,
        startWithin: Duration? = nil, at: Timestamp
    ) {
        self.verb = verb
        intent = .random()
        self.request = request
        project = caller.project
        user = caller.user
        self.hardReboot = hardReboot
        self.at = at
        self.startWithin = startWithin
    }

    var deadline: Timestamp? { startWithin.map { at + $0 } }
    var body: String { verb == .reboot ? "{\"hard\":\(hardReboot)}" : "{}" }
}

/// Who may touch which server.
struct ServerReach: Sendable {
    /// Nil: every project (administrators).
    let project: ProjectID?
    /// Nil: every region.
    let homeRegion: String?
    /// Whether a lock holds the caller back.
    let respectsLock: Bool
}
