import CellProtocol
import CloudModel
import Foundation
import Hypervisors

/// A guest's own disk: a qcow2 overlay that takes its writes, over the cached image that many share and nobody writes to.
struct GuestDisk {
    let plan: GuestPlan
    let folder: InstanceFolder
    let tool: String

    /// Blocks for as long as `qemu-img` takes (20 ms).
    func make() throws {
        let flavor = Int64(plan.spec.flavor.disk) << 30
        var arguments = ["create", "-q", "-f", "qcow2"]
        var size = flavor
        if let base = plan.base {
            let needed = try BaseImageHeader(of: base).virtualSize
            guard flavor == 0 || needed <= flavor else {
                throw CloudError(
                    .badRequest, "The flavor's disk of \(plan.spec.flavor.disk) GiB is too small for the image.",
                    detail: "\(needed) bytes")
            }
            size = max(flavor, needed)
            // -u: qemu-img doesn't open the image; what it needs to know has been read above.
            arguments += ["-u", "-F", base.format, "-b", base.path]
        }
        arguments += [folder.disk, String(max(size, Self.least))]
        try run(arguments)
        // QEMU may run as another user, to whom libvirt hands the file over when the guest starts.
        chmod(folder.disk, 0o644)
    }

    /// A server without an image and without a disk still has a drive to fail to boot from.
    private static let least: Int64 = 1 << 20

    private func run(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tool)
        process.arguments = arguments
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw CloudError(.internalError, "The server's disk can't be made.", detail: tool, cause: error)
        }
        let said = (try? errors.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw CloudError(
                .internalError, "The server's disk can't be made.", detail: String(decoding: said.prefix(1_000), as: UTF8.self))
        }
    }
}
