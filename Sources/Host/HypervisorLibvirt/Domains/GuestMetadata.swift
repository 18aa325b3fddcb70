import CellProtocol
import CloudModel
import Foundation
import Hypervisors

/// What is written into a domain's definition about the server it is: an element of our own namespace, whose attributes are numbers,
/// ids and base64, so that reading them back needs no XML parser and no escaping.
struct GuestMetadata: Hashable {
    static let namespace = "urn:meridian:libvirt:server:1"
    static let prefix = "meridian"

    var server: ServerID
    var epoch: PlacementEpoch
    var revision: Int64
    var spec: ServerSpec?

    /// As libvirt takes it (virDomainSetMetadata adds the namespace) …
    func element() throws -> String { "<server\(try attributes())/>" }

    /// … and as it stands in a definition.
    func qualifiedElement() throws -> String {
        "<\(Self.prefix):server xmlns:\(Self.prefix)=\"\(Self.namespace)\"\(try attributes())/>"
    }

    private func attributes() throws -> String {
        let spec = try spec.map { Data(try CellCoding.encode($0)).base64EncodedString() } ?? ""
        return " id=\"\(server)\" epoch=\"\(epoch)\" revision=\"\(revision)\" spec=\"\(spec)\""
    }

    init(server: ServerID, epoch: PlacementEpoch, revision: Int64, spec: ServerSpec?) {
        self.server = server
        self.epoch = epoch
        self.revision = revision
        self.spec = spec
    }

    /// Reads what `element` wrote; nil when it isn't ours. A spec that can't be read any more is left out: the guest still is a guest.
    init?(element: String) {
        guard let server = Self.attribute("id", of: element).flatMap({ ServerID($0) }),
            let epoch = Self.attribute("epoch", of: element).flatMap({ Int64($0) }),
            let revision = Self.attribute("revision", of: element).flatMap({ Int64($0) })
        else { return nil }
        self.init(server: server, epoch: PlacementEpoch(epoch), revision: revision, spec: nil)
        if let text = Self.attribute("spec", of: element), let data = Data(base64Encoded: text) {
            spec = try? CellCoding.decode(ServerSpec.self, from: Array(data))
        }
    }

    private static func attribute(_ name: String, of element: String) -> String? {
        for quote in ["\"", "'"] {
            guard let start = element.range(of: " \(name)=\(quote)"),
                let end = element.range(of: quote, range: start.upperBound..<element.endIndex)
            else { continue }
            return String(element[start.upperBound..<end.lowerBound])
        }
        return nil
    }

    func guest(power: PowerState) -> Guest {
        Guest(server: server, epoch: epoch, appliedRevision: revision, power: power, spec: spec)
    }
}
