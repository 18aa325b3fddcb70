import CellProtocol
import CloudModel

/// Which host fetches which image, until the region has all of them: one image after another, so that a new region's line is not taken
/// from its first boots. A pure value: it asks nobody, and is told the time.
struct WarmUpPlan: Sendable {
    /// What a host is asked to have.
    struct Question: Sendable, Hashable {
        var host: HostName
        var image: ImageReference
    }

    enum Answer: Sendable {
        case kept, fetching
        /// The host can't, for a reason that another may not have.
        case failed
    }

    /// So long one host may take for one image. Longer lets one that hangs hold up the rest, shorter gives up large images on thin lines.
    static let patience = Duration.seconds(1_800)
    /// Hosts that are asked for one image. If so many fail, it is the image.
    static let mostHosts = 3

    /// Still to come, the next first.
    private var missing: [ImageReference]
    private var asked: (host: HostName, since: Timestamp)?
    private var tried: Set<HostName> = []
    private(set) var kept = 0
    /// Images that no host could fetch.
    private(set) var givenUp: [ImageID] = []

    /// - Parameter room: bytes that the region's cache has; an image that doesn't fit beside those before it is left out.
    init(_ images: [ImageReference], room: Int64) {
        var left = room
        missing = images.filter { image in
            guard image.size <= left else { return false }
            left -= image.size
            return true
        }
    }

    var isDone: Bool { missing.isEmpty }

    /// Whether this host is the one that was asked for this image: only that one gets a grant.
    func asks(_ host: HostName, for image: ImageID) -> Bool { asked?.host == host && missing.first?.id == image }

    /// Whom to ask now, again if it was asked before; nil: there is nothing to ask, or nobody.
    ///
    /// - Parameter hosts: those that are up.
    mutating func next(among hosts: Set<HostName>, at now: Timestamp) -> Question? {
        while let image = missing.first {
            if let asked {
                if hosts.contains(asked.host), now - asked.since < Self.patience {
                    return Question(host: asked.host, image: image)
                }
                pass(asked.host)
            }
            guard tried.count < Self.mostHosts else {
                giveUp(image)
                continue
            }
            // Images go round the hosts, so that no one host has them all.
            let fresh = hosts.subtracting(tried).sorted()
            guard !fresh.isEmpty else {
                // With hosts, all of them were tried; without any, somebody may still come.
                guard !hosts.isEmpty, !tried.isEmpty else { return nil }
                giveUp(image)
                continue
            }
            let host = fresh[(kept + givenUp.count) % fresh.count]
            asked = (host, now)
            return Question(host: host, image: image)
        }
        return nil
    }

    /// What the host that was asked has answered. No answer at all is none of these: it is asked again.
    mutating func heard(_ answer: Answer, to question: Question) {
        guard asks(question.host, for: question.image.id) else { return }
        switch answer {
        case .kept:
            kept += 1
            turnToNext()
        case .fetching: break
        case .failed: pass(question.host)
        }
    }

    private mutating func pass(_ host: HostName) {
        tried.insert(host)
        asked = nil
    }

    private mutating func giveUp(_ image: ImageReference) {
        givenUp.append(image.id)
        turnToNext()
    }

    private mutating func turnToNext() {
        missing.removeFirst()
        (asked, tried) = (nil, [])
    }
}
