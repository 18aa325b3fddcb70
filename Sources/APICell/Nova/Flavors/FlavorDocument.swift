import APIConventions
import CloudModel

/// Writes a flavor as Nova does.
struct FlavorDocument: Sendable {
    let links: Links

    func writeBrief(_ record: FlavorRecord, to json: inout JSONWriter) {
        json.field("id", record.flavor.id.rawValue)
        json.field("name", record.flavor.name)
        links.write(to: &json, "flavors", record.flavor.id.rawValue)
    }

    func write(_ record: FlavorRecord, to json: inout JSONWriter) {
        let flavor = record.flavor
        writeBrief(record, to: &json)
        json.field("ram", flavor.ram)
        json.field("disk", flavor.disk)
        json.field("vcpus", flavor.vcpus)
        // No swap is an empty text in Nova, a number only from 2.75 on.
        if flavor.swap == 0 { json.field("swap", "") } else { json.field("swap", flavor.swap) }
        json.field("OS-FLV-EXT-DATA:ephemeral", flavor.ephemeral)
        json.field("OS-FLV-DISABLED:disabled", record.disabled)
        json.field("os-flavor-access:is_public", record.isPublic)
        json.field("rxtx_factor", record.rxtxFactor)
    }
}
