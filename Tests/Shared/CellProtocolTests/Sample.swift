import CellProtocol
import CloudModel
import Foundation

/// The values that travel in the golden messages.
enum Sample {
    static let server = ServerID(rawValue: uuid(0x11))
    static let otherServer = ServerID(rawValue: uuid(0x22))
    static let intent = IntentID(rawValue: uuid(0x33))
    static let image = ImageID(rawValue: uuid(0x44))
    static let group = ServerGroupID(rawValue: uuid(0x55))
    static let epoch = PlacementEpoch(42)
    static let time = Timestamp(microseconds: 1_795_210_500_123_456)
    static let later = Timestamp(microseconds: 1_795_210_501_000_000)
    static let size = ResourceSize(vcpus: 8, ram: 16_384, disk: 200)
    static let used = ResourceSize(vcpus: 1, ram: 512, disk: 1)

    static let flavor = Flavor(
        id: "1", name: "m1.tiny", vcpus: 1, ram: 512, disk: 1, extraSpecs: ["trait:HW_CPU_X86_VMX": "required"],
        description: "small")
    static let imageReference = ImageReference(
        id: image, name: "cirros", diskFormat: "qcow2", size: 21_430_272, sha512: "ab12", minDisk: 1, minRAM: 64)
    static let spec = ServerSpec(
        name: "web one", hostname: "web-one", project: "0af1", user: "0bf2", flavor: flavor,
        image: imageReference,
        zone: "tunis", metadata: ["role": "web"], keyName: "me", publicKey: "ssh-ed25519 AAAA me", userData: "sealed",
        configDrive: true,
        group: GroupConstraint(id: group, policy: .antiAffinity), hints: ["query": "x"])
    /// The least that a server needs.
    static let plainSpec = ServerSpec(
        name: "plain", hostname: "plain", project: "0af1", user: "0bf2",
        flavor: Flavor(id: "2", name: "m1", vcpus: 1, ram: 64, disk: 0),
        image: nil)
    static let step = TraceStep(
        "host.image", classic: [21, 22], place: "compute-1.tunis", started: time, ended: later, note: "cache hit")
    static let elimination = Elimination(
        considered: 3, removed: ["cpu": 1],
        examples: [.init(host: "compute-2.tunis", rule: "cpu", detail: "has 0 of 8 vCPUs free")],
        ranked: ["compute-1.tunis", "compute-3.tunis"])
    static let order = WorkOrder(
        server: server, epoch: epoch, revision: 7, desired: .running, reboot: .hard, spec: plainSpec, action: 3,
        request: "req-1",
        deadline: later)
    static let observation = Observation(
        server: server, epoch: epoch, appliedRevision: 6, presence: .present, power: .running, failure: "The disk is full.",
        failedRevision: 7,
        progress: "spawning", steps: [step])
    static let inventory = HostInventory(
        size: size, hypervisorType: "QEMU", hypervisorVersion: 7_002_000, acceleration: "kvm", traits: ["HW_CPU_X86_VMX"],
        cachedImages: ["ab12"], zone: "tunis", address: "10.3.0.11")
    static let summary = CellSummary(
        state: .up,
        zones: [.init(name: "tunis", hosts: 2, free: size, largest: size, total: size, traits: ["HW_CPU_X86_VMX"])], weight: 1.5
    )
    static let from = FeedPosition(number: 10, mark: 1111)
    static let to = FeedPosition(number: 14, mark: 2222)
    static let report = ServerReport(
        server: server, epoch: epoch, revision: 9, doneThrough: 2, progress: "powering-off", vmState: .active,
        powerState: .running,
        host: "compute-1.tunis", zone: "tunis", instanceName: "instance-11111111", launchedAt: time, terminatedAt: later,
        updatedAt: later,
        fault: .init(code: 500, message: "It broke.", at: time), refused: "No room.")

    private static func uuid(_ byte: UInt8) -> UUID {
        UUID(uuid: (byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte))
    }
}
