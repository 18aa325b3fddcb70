/// Reads `federation.yml`.
package enum FederationFile {
    /// Throws `ConfigurationError`, with the file, the line and the key, for anything missing, mistyped or unknown.
    package static func load(_ path: String) throws -> Federation {
        var file = try Section(file: path)
        return try read(&file)
    }

    static func parse(_ text: String, file: String) throws -> Federation {
        var section = try Section(text: text, file: file)
        return try read(&section)
    }

    private static func read(_ file: inout Section) throws -> Federation {
        let (name, timing) = try file.section("federation") { section in
            (try section.name("name"), try Timing.read("timing", from: &section))
        }
        let apiCell = try file.section("api_cell") { section in
            Federation.APICell(
                address: try section.address("address"),
                publicHost: try section.text("public_host"),
                ports: try section.section("ports", ports),
                tls: try section.flag("tls"),
                ssh: try section.optionalText("ssh"))
        }
        try file.end()
        return Federation(name: name, timing: timing, apiCell: apiCell)
    }

    private static func ports(_ section: inout Section) throws -> Federation.Ports {
        let ports = Federation.Ports(
            identity: try section.port("identity"),
            image: try section.port("image"),
            compute: try section.port("compute"),
            hubControl: try section.port("hub_control"),
            hubBulk: try section.port("hub_bulk"),
            apiHealth: try section.port("api_health"),
            superSchedulerHealth: try section.port("super_scheduler_health"),
            postgresql: try section.port("postgresql"))
        try section.differ([
            ("identity", ports.identity), ("image", ports.image), ("compute", ports.compute), ("hub_control", ports.hubControl),
            ("hub_bulk", ports.hubBulk), ("api_health", ports.apiHealth),
            ("super_scheduler_health", ports.superSchedulerHealth), ("postgresql", ports.postgresql),
        ])
        return ports
    }
}

extension Section {
    /// An IPv4 address, in dotted decimal: ZeroMQ binds to it, so a name that resolves differently tomorrow won't do.
    mutating func address(_ key: String) throws -> String {
        let text = try text(key)
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts.allSatisfy({ $0.count <= 3 && UInt8($0) != nil }) else {
            throw wrong(key, "An IPv4 address such as 10.1.0.10 is expected here.")
        }
        return text
    }

    /// Ports of one address that must not be equal; the later key is blamed.
    func differ(_ ports: [(key: String, port: Int)]) throws {
        var taken: [Int: String] = [:]
        for (key, port) in ports {
            if let other = taken.updateValue(key, forKey: port) {
                throw wrong(key, "Port \(port) is already taken by \(other).")
            }
        }
    }
}
