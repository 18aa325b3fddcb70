import Foundation
import Yams

/// `clouds.yaml` and `secure.yaml`, where OpenStack's clients look for them: `OS_CLIENT_CONFIG_FILE`, the working directory,
/// `~/.config/openstack`, `/etc/openstack`. The first one found counts; `secure.yaml` is laid over it.
struct CloudsFiles: Sendable {
    let environment: [String: String]
    let workingDirectory: String

    /// The directories, in order.
    var searched: [String] {
        let home = environment["HOME"] ?? "/root"
        let config = environment["XDG_CONFIG_HOME"].nonEmpty ?? "\(home)/.config"
        return [workingDirectory, "\(config)/openstack", "/etc/openstack"]
    }

    /// Name → values.
    func clouds() throws -> [String: [String: JSON]] {
        var all = try section("clouds", environment["OS_CLIENT_CONFIG_FILE"].nonEmpty)
        for (name, secrets) in try section("secure", environment["OS_CLIENT_SECURE_FILE"].nonEmpty) {
            all[name] = Self.laid(secrets, over: all[name] ?? [:])
        }
        return all
    }

    static func expanded(_ path: String, _ environment: [String: String]) -> String {
        path.hasPrefix("~/") ? (environment["HOME"] ?? "") + path.dropFirst() : path
    }

    private func section(_ base: String, _ named: String?) throws -> [String: [String: JSON]] {
        let candidates =
            named.map { [$0] } ?? searched.flatMap { ["\($0)/\(base).yaml", "\($0)/\(base).yml", "\($0)/\(base).json"] }
        guard let path = candidates.first(where: { FileManager.default.isReadableFile(atPath: $0) }) else { return [:] }
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw CloudClientError.settings("\(path) can't be read: \(error.localizedDescription)")
        }
        let document: JSON
        do {
            document = try Yams.compose(yaml: text).map(JSON.init(node:)) ?? .null
        } catch {
            throw CloudClientError.settings("\(path) is not valid YAML: \(error)")
        }
        guard let clouds = document["clouds"]?.object else {
            throw CloudClientError.settings("\(path) has no section clouds.")
        }
        let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
        return clouds.compactMapValues { cloud in
            guard var values = cloud.object else { return nil }
            // A relative certificate path means the file's own directory, or the working directory, whichever has it.
            if let authority = values["cacert"]?.string, !authority.hasPrefix("/"), !authority.hasPrefix("~"),
                FileManager.default.isReadableFile(atPath: "\(directory)/\(authority)")
            {
                values["cacert"] = .string("\(directory)/\(authority)")
            }
            return values
        }
    }

    private static func laid(_ upper: [String: JSON], over lower: [String: JSON]) -> [String: JSON] {
        lower.merging(upper) { below, above in
            if case .object(let below) = below, case .object(let above) = above { return .object(laid(above, over: below)) }
            return above
        }
    }
}

extension JSON {
    /// Every scalar stays the text that was written: a password 0123 is not a number. `verify` is read with that in mind.
    init(node: Node) {
        switch node {
        case .scalar(let scalar):
            let isNull = scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
            self = isNull ? .null : .string(scalar.string)
        case .sequence(let sequence): self = .array(sequence.map(JSON.init(node:)))
        case .mapping(let mapping):
            self = .object(
                Dictionary(mapping.map { ($0.key.string ?? "", JSON(node: $0.value)) }, uniquingKeysWith: { $1 }))
        case .alias: self = .null
        }
    }
}
