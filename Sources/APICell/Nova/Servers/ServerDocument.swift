import APIConventions
import CloudModel

/// Writes a server as Nova does, at the caller's microversion: not a key more, because clients check.
struct ServerDocument: Sendable {
    /// Which of Nova's three forms.
    enum Form: Sendable {
        /// id, name and links.
        case brief
        /// What `GET /servers/{id}` and `/servers/detail` show.
        case full
        /// What `PUT /servers/{id}` answers: the full form without the extensions.
        case updated
    }

    let version: Microversion
    let links: Links
    let seesHosts: Bool
    let hosts: [HostName: HostStatus]

    /// Whether documents for this request say how hosts are.
    static func showsHostStatus(_ request: NovaRequest) -> Bool {
        request.version.minor >= 16 && request.allows("os_compute_api:servers:show:host_status")
    }

    init(_ request: NovaRequest, hosts: [HostName: HostStatus] = [:]) {
        self.hosts = hosts
        version = request.version
        links = request.links
        seesHosts = request.allows("os_compute_api:os-extended-server-attributes")
    }

    func write(_ server: ServerRecord, _ form: Form, to json: inout JSONWriter) {
        json.field("id", server.id.description)
        json.field("name", server.name)
        links.write(to: &json, "servers", server.id.description)
        switch form {
        case .brief: return
        case .updated: writeCommon(server, to: &json)
        case .full:
            writeCommon(server, to: &json)
            writeExtensions(server, to: &json)
        }
    }

    private func writeCommon(_ server: ServerRecord, to json: inout JSONWriter) {
        let status = server.status
        json.field("status", status)
        json.field("tenant_id", server.project.rawValue)
        json.field("user_id", server.user.rawValue)
        json.field("metadata", rawJSON: server.metadata)
        json.field("hostId", server.hostHash)
        if let image = server.image {
            json.object("image") {
                $0.field("id", image.description)
                links.writeBookmark(to: &$0, "images", image.description)
            }
        } else {
            json.field("image", "")
        }
        json.object("flavor") {
            $0.field("id", server.flavor.rawValue)
            links.writeBookmark(to: &$0, "flavors", server.flavor.rawValue)
        }
        json.field("created", server.created.seconds)
        json.field("updated", server.updated.seconds)
        json.object("addresses") { _ in }
        json.field("accessIPv4", server.accessIPv4 ?? "")
        json.field("accessIPv6", server.accessIPv6 ?? "")
        json.field("OS-DCF:diskConfig", "MANUAL")
        if status == "ACTIVE" || status == "BUILD" { json.field("progress", status == "ACTIVE" ? 100 : 0) }
        if status == "ERROR" || status == "DELETED", let fault = server.fault {
            json.object("fault") {
                $0.field("code", fault.code)
                $0.field("created", fault.at.seconds)
                $0.field("message", fault.message)
            }
        }
        if version.minor >= 9 { json.field("locked", server.locked) }
        if version.minor >= 19 { json.field("description", server.description) }
        if version.minor >= 26 { json.field("tags", server.tags) }
    }

    private func writeExtensions(_ server: ServerRecord, to json: inout JSONWriter) {
        json.field("config_drive", server.configDrive ? "True" : "")
        json.field("key_name", server.keyName)
        json.field("OS-EXT-AZ:availability_zone", server.zone?.rawValue ?? "")
        json.field("OS-SRV-USG:launched_at", server.launched?.withoutZone)
        json.field("OS-SRV-USG:terminated_at", server.terminated?.withoutZone)
        json.field("OS-EXT-STS:task_state", server.taskState)
        json.field("OS-EXT-STS:vm_state", server.vmState)
        json.field("OS-EXT-STS:power_state", server.standing.powerState.rawValue)
        json.array("os-extended-volumes:volumes_attached") { _ in }
        guard seesHosts else { return }
        json.field("OS-EXT-SRV-ATTR:host", server.host?.rawValue)
        json.field("OS-EXT-SRV-ATTR:hypervisor_hostname", server.host?.rawValue)
        json.field("OS-EXT-SRV-ATTR:instance_name", server.instanceName ?? "")
        if version.minor >= 3 {
            json.field("OS-EXT-SRV-ATTR:reservation_id", server.reservation)
            json.field("OS-EXT-SRV-ATTR:launch_index", 0)
            json.field("OS-EXT-SRV-ATTR:hostname", server.hostname)
            json.field("OS-EXT-SRV-ATTR:kernel_id", "")
            json.field("OS-EXT-SRV-ATTR:ramdisk_id", "")
            json.field("OS-EXT-SRV-ATTR:root_device_name", "/dev/vda")
            json.null("OS-EXT-SRV-ATTR:user_data")
        }
        if version.minor >= 16 {
            json.field("host_status", server.host.map { (hosts[$0] ?? .unknown).rawValue } ?? "")
        }
    }
}

/// The links of one endpoint: `self` under its version, `bookmark` without one.
struct Links: Sendable {
    /// `https://compute.example:8774`, or `…/regions/tunis` for a region's endpoint.
    let root: String
    private let base: String
    private let bookmark: String

    init(root: String) {
        self.root = root
        base = root + "/v2.1/"
        bookmark = root + "/"
    }

    func own(_ collection: StaticString, _ id: String) -> String { "\(base)\(collection)/\(id)" }

    func write(to json: inout JSONWriter, _ collection: StaticString, _ id: String) {
        json.array("links") {
            $0.object {
                $0.field("rel", "self")
                $0.field("href", base, collection, id)
            }
            $0.object {
                $0.field("rel", "bookmark")
                $0.field("href", bookmark, collection, id)
            }
        }
    }

    func writeBookmark(to json: inout JSONWriter, _ collection: StaticString, _ id: String) {
        json.array("links") {
            $0.object {
                $0.field("rel", "bookmark")
                $0.field("href", bookmark, collection, id)
            }
        }
    }

    /// The `…_links` member of a page that isn't the last: the same query from the page's last item on.
    func writeNext(to json: inout JSONWriter, _ key: StaticString, path: String, query: QueryItems, marker: String) {
        var next = ""
        for item in query.items where item.name != "marker" {
            next += "\(Paging.encoded(item.name))=\(Paging.encoded(item.value))&"
        }
        next += "marker=\(Paging.encoded(marker))"
        json.array(key) {
            $0.object {
                $0.field("rel", "next")
                $0.field("href", "\(base)\(path)?\(next)")
            }
        }
    }
}
