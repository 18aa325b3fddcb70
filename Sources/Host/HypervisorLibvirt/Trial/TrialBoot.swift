import Foundation
import Logging
import Observability

/// Decides between KVM and emulation by booting something: `/dev/kvm` may be there, open, and still run no guest.
///
/// The trial is a boot sector (`TrialSector`) that does what a kernel does and a half-working KVM doesn't: returns from interrupts in
/// protected mode, turns on paging, long mode and SSE, takes timer interrupts in `hlt`. Then it says so on the serial port.
struct TrialBoot {
    let emulator: String
    let log: Logger

    /// A real KVM takes 0.1 s.
    static let patience: TimeInterval = 5
    static let answer = Data("MERIDIAN-BOOTED".utf8)

    /// Blocks for `patience` at most. The result holds until the machine is booted anew, so it is kept beside the instances.
    func succeeds(rememberedIn folder: String) -> Bool {
        guard access("/dev/kvm", R_OK | W_OK) == 0 else {
            log.notice("no KVM on this host, guests are emulated")
            return false
        }
        let boot = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        let memory = folder + "/.kvm-trial"
        if !boot.isEmpty, let remembered = try? String(contentsOfFile: memory, encoding: .utf8), remembered.hasPrefix(boot) {
            return remembered.hasSuffix("works")
        }
        let works = boots(accelerator: "kvm")
        try? (boot + (works ? "works" : "fails")).write(toFile: memory, atomically: true, encoding: .utf8)
        if works {
            log.info("a trial guest booted with KVM")
        } else {
            log.warning("the trial guest did not boot with KVM, guests are emulated")
        }
        return works
    }

    /// Whether the boot sector's answer came in time.
    func boots(accelerator: String) -> Bool {
        let sector = NSTemporaryDirectory() + "meridian-trial-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).img"
        guard FileManager.default.createFile(atPath: sector, contents: TrialSector.data) else { return false }
        defer { unlink(sector) }
        let qemu = Process()
        qemu.executableURL = URL(fileURLWithPath: emulator)
        qemu.arguments = [
            "-machine", "pc,accel=\(accelerator)", "-m", "32", "-nodefaults", "-no-user-config", "-display", "none", "-serial",
            "stdio",
            "-no-reboot", "-drive", "file=\(sector),format=raw,if=ide,snapshot=on",
        ]
        let said = Pipe()
        qemu.standardOutput = said
        qemu.standardInput = FileHandle.nullDevice
        qemu.standardError = FileHandle.nullDevice
        do { try qemu.run() } catch { return false }
        defer {
            kill(qemu.processIdentifier, SIGKILL)
            qemu.waitUntilExit()
        }
        return waitForAnswer(on: said.fileHandleForReading.fileDescriptor)
    }

    private func waitForAnswer(on descriptor: Int32) -> Bool {
        let end = Date(timeIntervalSinceNow: Self.patience)
        var heard = Data()
        while heard.count < 64 << 10 {
            let left = Int32(end.timeIntervalSinceNow * 1_000)
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&waiting, 1, left) > 0 else { return false }
            var buffer = [UInt8](repeating: 0, count: 4_096)
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return false }
            heard.append(contentsOf: buffer.prefix(count))
            if heard.range(of: Self.answer) != nil { return true }
        }
        return false
    }
}
