/// One entry of a service's version discovery.
package struct APIVersionEntry: Sendable {
    package var id: String
    package var status: String
    package var updated: String?
    /// Microversions; empty where the service has none.
    package var version: String?
    package var minimumVersion: String?
    package var selfURL: String
    package var mediaTypes: [(base: String, type: String)]

    package init(
        id: String, status: String = "CURRENT", updated: String? = nil, version: String? = nil, minimumVersion: String? = nil,
        selfURL: String, mediaTypes: [(base: String, type: String)] = []
    ) {
        self.id = id
        self.status = status
        self.updated = updated
        self.version = version
        self.minimumVersion = minimumVersion
        self.selfURL = selfURL
        self.mediaTypes = mediaTypes
    }
}

extension JSONWriter {
    /// The members of a version's object; call inside `object`.
    package mutating func version(_ entry: APIVersionEntry) {
        field("id", entry.id)
        field("status", entry.status)
        if let updated = entry.updated { field("updated", updated) }
        if let version = entry.version { field("version", version) }
        if let minimum = entry.minimumVersion { field("min_version", minimum) }
        array("links") {
            $0.object {
                $0.field("rel", "self")
                $0.field("href", entry.selfURL)
            }
        }
        if !entry.mediaTypes.isEmpty {
            array("media-types") {
                for media in entry.mediaTypes {
                    $0.object {
                        $0.field("base", media.base)
                        $0.field("type", media.type)
                    }
                }
            }
        }
    }
}
