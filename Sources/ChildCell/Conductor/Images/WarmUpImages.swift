import CellProtocol
import CloudModel
import Database
import Logging
import Messaging
import Observability

/// A new region fetches the images that the federation boots most before its first server needs one: a host is asked to have it, and
/// fetches it through the region's cache. Once in the life of the cell's database; what it has come to is found again by asking.
actor WarmUpImages {
    private let hubs: [PeerName]
    private let messenger: any Messenger
    private let database: Database
    private let book: HostBook
    /// Bytes of the region's cache; nil: it has none, and there is nothing to warm.
    private let cacheBytes: Int64?
    private let log: Logger
    private var plan: WarmUpPlan?
    private var isDone = false

    /// A host answers at once; it may be asked again at the next round.
    private static let patience = Duration.seconds(3)

    init(
        hubs: [PeerName], messenger: any Messenger, database: Database, book: HostBook, cacheBytes: Int64?, log: Logger
    ) {
        self.hubs = hubs
        self.messenger = messenger
        self.database = database
        self.book = book
        self.cacheBytes = cacheBytes
        self.log = log
    }

    /// Throws unless this host was asked for this image: `unavailable` where a conductor that has just started doesn't know yet, `forbidden`
    /// where it does.
    func mustHaveAsked(_ host: HostName, for image: ImageID) throws(CloudError) {
        guard let plan else {
            guard isDone || cacheBytes == nil else {
                throw CloudError(.unavailable, "The cell has not heard yet which images it needs.", retryAfter: 5)
            }
            throw CloudError(.forbidden, "No host is asked to warm images.")
        }
        guard plan.asks(host, for: image) else {
            throw CloudError(.forbidden, "The host wasn't asked to warm that image.")
        }
    }

    /// One step. Call by period while the cell works. Throws `DatabaseError`.
    func round() async throws {
        guard let cacheBytes, !isDone else { return }
        if plan == nil {
            guard let hub = messenger.firstMet(of: hubs) else { return }
            if try await hasWarmedUp() {
                isDone = true
                return
            }
            guard let images = await imagesToWarm(by: hub) else { return }
            plan = WarmUpPlan(images, room: cacheBytes)
        }
        if let question = plan?.next(among: await book.up, at: .now()) {
            if let answer = await ask(question) { plan?.heard(answer, to: question) }
        }
        guard let plan, plan.isDone else { return }
        try await database.query("UPDATE cell.standing SET warmed_at = \(Timestamp.now())")
        isDone = true
        log.notice(
            "the region has its first images",
            metadata: [.count: "\(plan.kept)", "missing": "\(plan.givenUp.map(\.description).joined(separator: " "))"])
    }

    /// nil: the hub doesn't answer now, or is of a release that doesn't know the question; it is asked again.
    private func imagesToWarm(by hub: PeerName) async -> [ImageReference]? {
        do {
            return try await messenger.call(ImagesToWarm(), to: hub, timeout: Self.patience).images
        } catch {
            log.debug("the hub names no images", metadata: [.peer: "\(hub)", .error: "\(error)"])
            return nil
        }
    }

    /// nil: no answer.
    private func ask(_ question: WarmUpPlan.Question) async -> WarmUpPlan.Answer? {
        do {
            let isKept = try await messenger.call(
                WarmImage(image: question.image), to: .host(question.host), timeout: Self.patience
            ).isKept
            return isKept ? .kept : .fetching
        } catch MessagingError.refused(let code, let reason) where code != .unavailable {
            log.warning(
                "a host can't warm an image",
                metadata: [.host: "\(question.host)", .image: "\(question.image.id)", .reason: "\(reason)"])
            return .failed
        } catch {
            log.debug("a host didn't answer", metadata: [.host: "\(question.host)", .error: "\(error)"])
            return nil
        }
    }

    private func hasWarmedUp() async throws -> Bool {
        try await !database.query("SELECT 1 AS one FROM cell.standing WHERE warmed_at IS NOT NULL").isEmpty
    }
}
