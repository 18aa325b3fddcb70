import Foundation

/// An operator's rules, a file for each service that has some: `policy/nova.yaml` beside `federation.yml`.
package struct PolicyFolder: Sendable, Equatable {
    package enum Service: String, CaseIterable, Sendable { case keystone, glance, nova }

    private let files: [Service: PolicyFile]

    /// A folder that isn't there has no files. Throws `ConfigurationError` for one that can't be read, as for a file, and for a file that no
    /// service would read: whoever wrote it would believe himself obeyed.
    package static func load(_ folder: String) throws -> PolicyFolder {
        let names = try Self.names(in: folder)
        let known = Service.allCases.map { "\($0.rawValue).yaml" }
        for name in names.sorted() where !name.hasPrefix(".") && !known.contains(name) {
            throw ConfigurationError(
                file: "\(folder)/\(name)", line: nil, key: "",
                sentence: "No service reads this; policy files are \(known.joined(separator: ", ")).")
        }
        var files: [Service: PolicyFile] = [:]
        for service in Service.allCases where names.contains("\(service.rawValue).yaml") {
            files[service] = try PolicyFile.load("\(folder)/\(service.rawValue).yaml")
        }
        return PolicyFolder(files: files)
    }

    private static func names(in folder: String) throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch CocoaError.fileReadNoSuchFile {
            return []
        } catch {
            throw ConfigurationError(
                file: folder, line: nil, key: "", sentence: "The folder can't be read: \(error.localizedDescription)")
        }
    }

    package subscript(service: Service) -> PolicyFile? { files[service] }
}
