internal import CLibvirt
import CloudModel
import Foundation
import Hypervisors

/// One reference to a domain, freed in `deinit`. Used on the thread that made it.
final class Domain {
    private let pointer: virDomainPtr

    private init(_ pointer: virDomainPtr) { self.pointer = pointer }
    deinit { virDomainFree(pointer) }

    // MARK: - Finding

    static func all(on connection: LibvirtConnection) throws -> [Domain] {
        var list: UnsafeMutablePointer<virDomainPtr?>?
        let count = virConnectListAllDomains(connection.pointer, &list, 0)
        guard count >= 0, let list else {
            throw LibvirtError.last("virConnectListAllDomains", "The hypervisor doesn't list its guests.")
        }
        defer { free(list) }
        return (0..<Int(count)).compactMap { list[$0].map(Domain.init) }
    }

    /// Nil: there is none.
    static func lookUp(_ server: ServerID, on connection: LibvirtConnection) throws -> Domain? {
        if let pointer = virDomainLookupByUUIDString(connection.pointer, server.description) { return Domain(pointer) }
        let error = LibvirtError.last("virDomainLookupByUUIDString", "The hypervisor can't look the server up.")
        guard error.code == .notFound else { throw error }
        return nil
    }

    static func find(_ server: ServerID, on connection: LibvirtConnection) throws -> Domain {
        guard let domain = try lookUp(server, on: connection) else {
            throw CloudError(.notFound, "The server has no guest on this host.", detail: "\(server)")
        }
        return domain
    }

    static func define(_ xml: DomainXML, on connection: LibvirtConnection) throws -> Domain {
        guard let pointer = virDomainDefineXMLFlags(connection.pointer, try xml.text(), 0) else {
            throw LibvirtError.last("virDomainDefineXMLFlags", "The hypervisor refused the server's definition.")
        }
        return Domain(pointer)
    }

    // MARK: - Seeing

    func power() throws -> PowerState {
        var state: Int32 = 0
        var reason: Int32 = 0
        guard virDomainGetState(pointer, &state, &reason, 0) == 0 else {
            throw LibvirtError.last("virDomainGetState", "The hypervisor doesn't tell the server's state.")
        }
        return PowerState(state: state, reason: reason)
    }

    /// Nil: not one of ours.
    func metadata() throws -> GuestMetadata? {
        guard
            let text = virDomainGetMetadata(
                pointer, Int32(VIR_DOMAIN_METADATA_ELEMENT.rawValue), GuestMetadata.namespace,
                VIR_DOMAIN_AFFECT_CURRENT.rawValue)
        else {
            if let error = virGetLastError(), error.pointee.code == Int32(VIR_ERR_NO_DOMAIN_METADATA.rawValue) { return nil }
            throw LibvirtError.last("virDomainGetMetadata", "The hypervisor doesn't tell what the guest is.")
        }
        defer { free(text) }
        return GuestMetadata(element: String(cString: text))
    }

    /// Nil: not one of ours, or it went away while we looked.
    func guest() throws -> Guest? {
        do {
            return try metadata()?.guest(power: try power())
        } catch let error as CloudError where error.code == .notFound {
            return nil
        }
    }

    // MARK: - Acting. What is so already is not an error.

    func start() throws {
        switch try power() {
        case .running: return
        case .paused:
            guard virDomainResume(pointer) == 0 else {
                throw LibvirtError.last("virDomainResume", "The server can't be resumed.")
            }
        case .suspended:
            guard virDomainPMWakeup(pointer, 0) == 0 else {
                throw LibvirtError.last("virDomainPMWakeup", "The server can't be woken.")
            }
        case .noState, .shutdown, .crashed:
            guard virDomainCreate(pointer) == 0 else {
                let error = LibvirtError.last("virDomainCreate", "The server's guest can't be started.")
                // Somebody was faster.
                if (try? power()) == .running { return }
                throw error
            }
        }
    }

    /// The power button; a guest may ignore it.
    func askToShutDown() { _ = virDomainShutdownFlags(pointer, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN.rawValue) }

    func cutPower() throws {
        guard virDomainIsActive(pointer) == 1 else { return }
        guard virDomainDestroy(pointer) == 0 else {
            let error = LibvirtError.last("virDomainDestroy", "The server's power can't be cut.")
            if virDomainIsActive(pointer) == 0 { return }
            throw error
        }
    }

    func undefine() throws {
        let flags =
            VIR_DOMAIN_UNDEFINE_MANAGED_SAVE.rawValue | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA.rawValue
            | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA.rawValue | VIR_DOMAIN_UNDEFINE_NVRAM.rawValue
        guard virDomainUndefineFlags(pointer, flags) == 0 else {
            throw LibvirtError.last("virDomainUndefineFlags", "The server's definition can't be removed.")
        }
    }

    /// In the definition first: what the next start reads. Then in the running guest, which is what is read while it runs.
    func set(_ metadata: GuestMetadata) throws {
        var flags = VIR_DOMAIN_AFFECT_CONFIG.rawValue
        if virDomainIsActive(pointer) == 1 { flags |= VIR_DOMAIN_AFFECT_LIVE.rawValue }
        let set = { (flags: UInt32) throws -> Bool in
            virDomainSetMetadata(
                self.pointer, Int32(VIR_DOMAIN_METADATA_ELEMENT.rawValue), try metadata.element(), GuestMetadata.prefix,
                GuestMetadata.namespace, flags) == 0
        }
        if try set(flags) { return }
        let error = LibvirtError.last("virDomainSetMetadata", "What was done can't be written down.")
        // It may have shut down in between: its definition is what counts then.
        guard flags & VIR_DOMAIN_AFFECT_LIVE.rawValue != 0, virDomainIsActive(pointer) == 0,
            try set(VIR_DOMAIN_AFFECT_CONFIG.rawValue)
        else { throw error }
    }
}
