import CellProtocol
import CloudModel
import Foundation
import Hypervisors
import Testing

@testable import HypervisorLibvirt

@Suite struct DomainXMLTests {
    private func xml(_ acceleration: DomainXML.Acceleration, name: String = "web", ram: Int = 64) throws -> String {
        let server = try #require(ServerID("6f1d9d4e-3b1c-4a44-9a35-0d4a5a3b9f01"))
        let spec = ServerSpec(
            name: name, hostname: "web", project: "p", user: "u",
            flavor: Flavor(id: "1", name: "m1.tiny", vcpus: 2, ram: ram, disk: 1),
            image: nil)
        return try DomainXML(
            plan: GuestPlan(server: server, epoch: 7, spec: spec), acceleration: acceleration,
            emulator: "/usr/bin/qemu-system-x86_64",
            folder: InstanceFolder(of: server, in: "/var/lib/meridian/instances"), isDirect: true
        ).text()
    }

    @Test func theDefinitionOfAnEmulatedGuest() throws {
        let metadata = try #require(try xml(.qemu).split(separator: "\n").first { $0.contains("<metadata>") })
        #expect(
            try xml(.qemu).replacing(metadata, with: "  (metadata)") == """
                <domain type="qemu">
                  <name>instance-6f1d9d4e</name>
                  <uuid>6f1d9d4e-3b1c-4a44-9a35-0d4a5a3b9f01</uuid>
                  <title>web</title>
                  (metadata)
                  <memory unit="MiB">96</memory>
                  <vcpu>2</vcpu>
                  <os><type arch="x86_64" machine="pc">hvm</type><boot dev="hd"/></os>
                  <features><acpi/><apic/><tcg><tb-cache unit="MiB">32</tb-cache></tcg></features>
                  <clock offset="utc"/>
                  <on_poweroff>destroy</on_poweroff>
                  <on_reboot>restart</on_reboot>
                  <on_crash>destroy</on_crash>
                  <devices>
                    <emulator>/usr/bin/qemu-system-x86_64</emulator>
                    <disk type="file" device="disk">
                      <driver name="qemu" type="qcow2" cache="none" discard="unmap"/>
                      <source file="/var/lib/meridian/instances/6f1d9d4e-3b1c-4a44-9a35-0d4a5a3b9f01/disk.qcow2"/>
                      <target dev="vda" bus="virtio"/>
                    </disk>
                    <serial type="pty"><log file="/var/lib/meridian/instances/6f1d9d4e-3b1c-4a44-9a35-0d4a5a3b9f01/console.log" append="on"/><target port="0"/></serial>
                    <console type="pty"><target type="serial" port="0"/></console>
                    <channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>
                    <controller type="usb" model="none"/>
                    <memballoon model="virtio"/>
                    <rng model="virtio"><backend model="random">/dev/urandom</backend></rng>
                  </devices>
                </domain>
                """)
    }

    @Test func aGuestWithKVMHasTheHostsProcessor() throws {
        let text = try xml(.kvm, ram: 512)
        #expect(text.contains(#"<domain type="kvm">"#))
        #expect(text.contains(#"<cpu mode="host-model"/>"#))
        #expect(text.contains(#"<memory unit="MiB">512</memory>"#))
        #expect(!text.contains("tb-cache"))
    }

    @Test(arguments: [
        "</title><devices/>", "a & b", "\"quoted\" 'and'", "nul\u{0}bell\u{7}", "\u{FFFE}", "]]>", "é 名前 \u{1F600}",
    ])
    func noNameCanBreakOut(_ name: String) throws {
        let text = try xml(.qemu, name: name)
        let parser = XMLCheck()
        #expect(parser.isWellFormed(text))
        #expect(parser.titles.count == 1)
    }

    @Test func metadataIsReadAsItWasWritten() throws {
        let spec = HypervisorContract.spec(named: "\" epoch=\"99\" <x/>")
        let written = GuestMetadata(server: .random(), epoch: 12, revision: 34, spec: spec)
        #expect(GuestMetadata(element: try written.element()) == written)
        #expect(GuestMetadata(element: try written.qualifiedElement()) == written)
        #expect(GuestMetadata(element: try written.element().replacing("\"", with: "'")) == written)
        #expect(GuestMetadata(element: "<nova:instance/>") == nil)
    }

    @Test func metadataWithASpecOfAnotherReleaseStillNamesItsGuest() throws {
        let element = try GuestMetadata(server: .random(), epoch: 12, revision: 34, spec: nil).element()
        let read = GuestMetadata(element: element.replacing("spec=\"\"", with: "spec=\"e30=\""))
        #expect(read?.epoch == 12)
        #expect(read?.spec == nil)
    }
}

/// Whether a text is well-formed XML, by walking its tags: what libvirt's parser would refuse is refused here.
private final class XMLCheck {
    private(set) var titles: [String] = []

    func isWellFormed(_ text: String) -> Bool {
        var open: [String] = []
        var rest = Substring(text)
        while let start = rest.firstIndex(of: "<") {
            let before = rest[..<start]
            guard !before.contains(">"), before.unicodeScalars.allSatisfy({ $0.value >= 0x20 || $0 == "\n" }) else {
                return false
            }
            if open.last == "title" { titles.append(String(before)) }
            guard let end = rest[start...].firstIndex(of: ">") else { return false }
            let tag = rest[rest.index(after: start)..<end]
            guard !tag.contains("<") else { return false }
            let name = String(tag.drop { $0 == "/" }.prefix { $0 != " " && $0 != "/" })
            if tag.hasPrefix("/") {
                guard open.popLast() == name else { return false }
            } else if !tag.hasSuffix("/") {
                open.append(name)
            }
            rest = rest[rest.index(after: end)...]
        }
        return open.isEmpty
    }
}
