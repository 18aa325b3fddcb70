import CloudModel
import Foundation

/// The whole of `regions/`: the federation, and every folder below it that has a `region.yml`.
package struct RegionFolder: Sendable {
    package let federation: Federation
    /// By name.
    package let regions: [Region]

    /// Reads every file and checks what only all of them together can tell: that names, addresses and zones are unique, and that a
    /// region is called as its folder is (a copied folder whose name was forgotten would otherwise join as its original).
    /// Throws `ConfigurationError`, with the file, the line and the key.
    package static func load(_ folder: String) throws -> RegionFolder {
        let federation = try FederationFile.load(folder + "/federation.yml")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map {
            (name: $0, path: "\(folder)/\($0)/region.yml")
        }
        .filter { FileManager.default.fileExists(atPath: $0.path) }
        let names = Set(files.map(\.name))
        var addresses = [federation.apiCell.address: "the API cell"]
        var zones: [ZoneName: String] = [:]
        let regions = try files.map { name, file in
            let region = try RegionFile.load(file)
            guard region.name.rawValue == name else {
                throw try wrong(file, "region.name", "It says \(region.name), but its folder is called \(name).")
            }
            guard name != federation.name else {
                throw try wrong(
                    file, "region.name", "\(name) is the federation's own region, above all others. Choose another name.")
            }
            let hosts = region.computeHost.hosts.enumerated().map { ("compute_host.hosts[\($0)]", $1) }
            for (key, address) in [("child_cell.address", region.childCell.address)]
                + hosts.map({ ($0 + ".address", $1.address) })
            {
                if let other = addresses.updateValue(name, forKey: address) {
                    throw try wrong(file, key, "\(address) is already taken by \(other).")
                }
            }
            for (key, host) in hosts {
                if host.zone.rawValue != name, names.contains(host.zone.rawValue) {
                    throw try wrong(
                        file, key + ".zone", "\(host.zone) is another region, and the zone of its hosts. Choose another name.")
                }
                if let other = zones.updateValue(name, forKey: host.zone), other != name {
                    throw try wrong(
                        file, key + ".zone", "The zone \(host.zone) is already in \(other). A zone is in one region.")
                }
            }
            return region
        }
        return RegionFolder(federation: federation, regions: regions)
    }

    private static func wrong(_ file: String, _ key: String, _ sentence: String) throws -> ConfigurationError {
        try Section(file: file).wrong(at: key, sentence)
    }
}
