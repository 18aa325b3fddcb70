import CellProtocol
import CloudModel
import Foundation
import Hypervisors

/// The definition of a guest, as libvirt reads it (https://libvirt.org/formatdomain.html). Pure; every text that comes from outside
/// is escaped.
struct DomainXML {
    /// How the guest's processors run.
    enum Acceleration: String, Codable, Sendable {
        case kvm
        /// TCG: QEMU translates. About ten times slower.
        case qemu
    }

    let plan: GuestPlan
    let acceleration: Acceleration
    let emulator: String
    let folder: InstanceFolder
    /// Whether the disks' file system can bypass the page cache (O_DIRECT).
    let isDirect: Bool

    /// MiB. Smaller guests don't boot under emulation.
    static let leastMemory = 96
    /// MiB of translated code. QEMU's own default, 1 GiB, would count against a host full of small guests.
    static let translationCache = 32

    /// Nova's `OS-EXT-SRV-ATTR:instance_name`.
    static func name(of server: ServerID) -> String { "instance-" + server.rawValue.hex.prefix(8) }

    func text() throws -> String {
        let spec = plan.spec
        let metadata = GuestMetadata(server: plan.server, epoch: plan.epoch, revision: 0, spec: spec)
        return """
            <domain type="\(acceleration.rawValue)">
              <name>\(Self.name(of: plan.server))</name>
              <uuid>\(plan.server)</uuid>
              <title>\(Self.escaped(spec.name))</title>
              <metadata>\(try metadata.qualifiedElement())</metadata>
              <memory unit="MiB">\(max(spec.flavor.ram, Self.leastMemory))</memory>
              <vcpu>\(max(1, spec.flavor.vcpus))</vcpu>
              <os><type arch="x86_64" machine="pc">hvm</type><boot dev="hd"/></os>
              \(processor)
              <clock offset="utc"/>
              <on_poweroff>destroy</on_poweroff>
              <on_reboot>restart</on_reboot>
              <on_crash>destroy</on_crash>
              <devices>
                <emulator>\(Self.escaped(emulator))</emulator>
                <disk type="file" device="disk">
                  <driver name="qemu" type="qcow2" cache="\(isDirect ? "none" : "writeback")" discard="unmap"/>
                  <source file="\(Self.escaped(folder.disk))"/>
                  <target dev="vda" bus="virtio"/>
                </disk>
                <serial type="pty"><log file="\(Self.escaped(folder.console))" append="on"/><target port="0"/></serial>
                <console type="pty"><target type="serial" port="0"/></console>
                <channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>
                <controller type="usb" model="none"/>
                <memballoon model="virtio"/>
                <rng model="virtio"><backend model="random">/dev/urandom</backend></rng>
              </devices>
            </domain>
            """
    }

    private var processor: String {
        switch acceleration {
        case .kvm: "<features><acpi/><apic/></features>\n  <cpu mode=\"host-model\"/>"
        case .qemu:
            "<features><acpi/><apic/><tcg><tb-cache unit=\"MiB\">\(Self.translationCache)</tb-cache></tcg></features>"
        }
    }

    /// Text and attribute values alike (XML 1.0, section 2.4); characters that no XML 1.0 document may hold are replaced.
    static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&apos;"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": out += "\u{FFFD}"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
