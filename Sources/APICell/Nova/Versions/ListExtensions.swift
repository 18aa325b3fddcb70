import APIConventions
import CloudModel

/// `/extensions`: from before microversions, when a client looked here for what a cloud serves. The names are Nova's.
struct ListExtensions: Sendable {
    private static let served: KeyValuePairs = [
        "os-availability-zone": "AvailabilityZone", "os-console-output": "Console_output", "os-flavor-access": "FlavorAccess",
        "os-flavor-extra-specs": "FlavorExtraSpecs", "os-flavor-manage": "FlavorManage", "os-hosts": "Hosts",
        "os-hypervisors": "Hypervisors", "os-instance-actions": "InstanceActions", "os-keypairs": "Keypairs",
        "os-lock-server": "LockServer", "os-multiple-create": "MultipleCreate", "os-quota-sets": "Quotas",
        "os-server-groups": "ServerGroups", "os-services": "Services", "os-simple-tenant-usage": "SimpleTenantUsage",
    ]

    static func list() -> [UInt8] {
        var json = JSONWriter(capacity: 4_000)
        json.object {
            $0.array("extensions") {
                for (alias, name) in served { $0.object { write(alias, name, to: &$0) } }
            }
        }
        return json.bytes
    }

    static func show(_ request: NovaRequest) throws(CloudError) -> [UInt8] {
        let alias = try request.parameter("alias")
        guard let found = served.first(where: { $0.key == alias }) else {
            throw CloudError(.notFound, "The resource could not be found.")
        }
        var json = JSONWriter()
        json.object { $0.object("extension") { write(found.key, found.value, to: &$0) } }
        return json.bytes
    }

    /// Date and namespace are those Nova shows for all of them since 2014.
    private static func write(_ alias: String, _ name: String, to json: inout JSONWriter) {
        json.field("alias", alias)
        json.field("name", name)
        json.field("description", "\(name), served as part of the API.")
        json.field("namespace", "http://docs.openstack.org/compute/ext/fake_xml")
        json.field("updated", "2014-12-03T00:00:00Z")
        json.array("links") { _ in }
    }
}
