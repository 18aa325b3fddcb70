import CloudModel
import Foundation

/// The whole of `regions/`: the federation, and every folder below it that has a `region.yml`.
package struct RegionFolder: Sendable {
    package let federation: Federation
    /// By name.
    package let regions: [Region]

    /// Reads every file and checks what only all of them together can tell: that names and addresses are unique, and that a region is
    /// called as its folder is (a copied folder whose name was forgotten would otherwise join as its original).
    /// Throws `ConfigurationError`, with the file and the key.
    package static func load(_ folder: String) throws -> RegionFolder {
        let federation = try FederationFile.load(folder + "/federation.yml")
        var addresses = [federation.apiCell.address: "the API cell"]
        var regions: [Region] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
            let file = "\(folder)/\(name)/region.yml"
            guard FileManager.default.fileExists(atPath: file) else { continue }
            let region = try RegionFile.load(file)
            guard region.name.rawValue == name else {
                throw ConfigurationError(
                    file: file, line: nil, key: "region.name",
                    sentence: "It says \(region.name), but its folder is called \(name).")
            }
            guard name != federation.name else {
                throw ConfigurationError(
                    file: file, line: nil, key: "region.name",
                    sentence: "\(name) is the federation's own region, above all others. Choose another name.")
            }
            let hosts = region.computeHost.hosts.enumerated().map { ("compute_host.hosts[\($0)].address", $1.address) }
            for (key, address) in [("child_cell.address", region.childCell.address)] + hosts {
                if let other = addresses.updateValue(name, forKey: address) {
                    throw ConfigurationError(
                        file: file, line: nil, key: key, sentence: "\(address) is already taken by \(other).")
                }
            }
            regions.append(region)
        }
        return RegionFolder(federation: federation, regions: regions)
    }
}
