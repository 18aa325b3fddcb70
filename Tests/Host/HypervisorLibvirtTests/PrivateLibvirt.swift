import CloudTestKit
import Foundation
import HypervisorLibvirt
import Logging
import Synchronization

/// A libvirtd of the tests' own, in a private mount namespace so that /run/libvirt, /etc/libvirt and the rest are its own too. Started
/// once per process, stopped at its end with every guest that is left.
struct PrivateLibvirt: Sendable {
    let folder: String
    var uri: String { "qemu+unix:///system?socket=\(folder)/run/libvirt-sock" }
    var processFile: String { folder + "/libvirtd.pid" }

    enum Availability: Sendable {
        case running(PrivateLibvirt)
        case missing(String)
    }

    /// Started at the first use.
    static let shared: Availability = start()

    static var reason: String {
        switch shared {
        case .running: ""
        case .missing(let reason): reason
        }
    }

    static var isThere: Bool {
        if case .running = shared { true } else { false }
    }

    private static let forExit = Mutex<String?>(nil)

    private static func start() -> Availability {
        for tool in ["/usr/sbin/libvirtd", "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-img", "/usr/bin/unshare"]
        where access(tool, X_OK) != 0 {
            return .missing("\(tool) is not installed")
        }
        guard geteuid() == 0 else { return .missing("a private libvirtd needs root") }
        let libvirt = PrivateLibvirt(folder: "/tmp/meridian-test-libvirt-\(getpid())")
        do {
            try libvirt.prepare()
            try libvirt.launch()
        } catch {
            return .missing("libvirtd can't be started: \(error)")
        }
        forExit.withLock { $0 = libvirt.folder }
        atexit { PrivateLibvirt.cleanUp() }
        return .running(libvirt)
    }

    private func prepare() throws {
        for name in ["run", "lib", "etc", "log", "instances"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        try """
        listen_tls = 0
        listen_tcp = 0
        unix_sock_dir = "\(folder)/run"
        auth_unix_rw = "none"
        auth_unix_ro = "none"
        log_outputs = "3:file:\(folder)/log/libvirtd.log"
        host_uuid = "\(UUID().uuidString.lowercased())"
        """.write(toFile: folder + "/etc/libvirtd.conf", atomically: true, encoding: .utf8)
        try """
        user = "root"
        group = "root"
        security_driver = "none"
        stdio_handler = "file"
        cgroup_controllers = []
        namespaces = []
        remember_owner = 0
        """.write(toFile: folder + "/etc/qemu.conf", atomically: true, encoding: .utf8)
    }

    /// The probe of what QEMU can do takes 8 s: it is kept for the next run.
    func launch() throws {
        let cache = "/tmp/meridian-test-libvirt-cache"
        let script = """
            mkdir -p \(cache) /run/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /etc/libvirt &&
            mount --bind \(folder)/run /run/libvirt && mount --bind \(folder)/lib /var/lib/libvirt &&
            mount --bind \(cache) /var/cache/libvirt && mount --bind \(folder)/log /var/log/libvirt &&
            mount --bind \(folder)/etc /etc/libvirt &&
            exec /usr/sbin/libvirtd -d -p \(processFile) -f \(folder)/etc/libvirtd.conf
            """
        // Not by Foundation's Process: it takes the daemon, which inherits its socket, for the child that has not ended.
        let started = try Spawn.start(
            ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c", script], log: folder + "/log/start.log")
        let status = Spawn.wait(for: started)
        guard status == 0 else { throw Failure(status: status) }
    }

    struct Failure: Error { let status: Int32 }

    /// Kills the daemon, as a crash would. Guests run on.
    func crash() throws {
        let text = try String(contentsOfFile: processFile, encoding: .utf8)
        guard let process = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)) else { return }
        kill(process, SIGKILL)
        let end = ContinuousClock.now + .seconds(30)
        while Self.isThere(process) {
            guard ContinuousClock.now < end else { throw OutlivedItsKill(process: process) }
            usleep(10_000)
        }
        unlink(processFile)
    }

    struct OutlivedItsKill: Error { let process: pid_t }

    /// False also for one that is dead and only waits for its parent, which may never ask for it.
    private static func isThere(_ process: pid_t) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        // PID (NAME) STATE, where the name may hold anything.
        return status.split(separator: ")").last?.drop { $0 == " " }.first.map { !"ZX".contains($0) } ?? false
    }

    /// The process of a guest.
    func process(of domain: String) throws -> pid_t {
        let text = try String(contentsOfFile: "\(folder)/run/qemu/\(domain).pid", encoding: .utf8)
        return pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
    }

    func hypervisor() throws -> LibvirtHypervisor {
        var settings = LibvirtHypervisor.Settings(instances: folder + "/instances")
        settings.uri = uri
        settings.usesKVM = false
        var logger = Logger(label: "libvirt.test")
        logger.logLevel = .error
        return try LibvirtHypervisor(settings, logger: logger)
    }

    private static func cleanUp() {
        guard let folder = forExit.withLock({ $0 }) else { return }
        let libvirt = PrivateLibvirt(folder: folder)
        try? libvirt.crash()
        let guests = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/run/qemu")) ?? []
        for file in guests where file.hasSuffix(".pid") {
            guard let process = try? libvirt.process(of: String(file.dropLast(4))), process > 1 else { continue }
            kill(process, SIGKILL)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
