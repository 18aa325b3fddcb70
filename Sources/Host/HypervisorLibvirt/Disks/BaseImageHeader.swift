import CloudModel
import Foundation
import Hypervisors

/// What an image says about itself, as far as it is believed: its size, and that it doesn't point at other files of the host.
///
/// Read by hand and no further than its first 104 bytes (QEMU's docs/interop/qcow2.txt, "Header"): a crafted image gets no parser to play with.
struct BaseImageHeader {
    /// Bytes of the disk that the guest sees.
    let virtualSize: Int64

    init(of base: GuestPlan.BaseImage) throws {
        let descriptor = open(base.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw InstanceFolder.failure("open(2)", base.path) }
        defer { close(descriptor) }
        guard base.format == "qcow2" else {
            // Raw, to the next sector.
            virtualSize = (Int64(lseek(descriptor, 0, SEEK_END)) + 511) / 512 * 512
            return
        }
        var header = [UInt8](repeating: 0, count: 104)
        guard pread(descriptor, &header, header.count, 0) >= 72, header[0..<4].elementsEqual([0x51, 0x46, 0x49, 0xfb]) else {
            throw CloudError(.badRequest, "The image is not in qcow2 format, though it says so.")
        }
        func number(at offset: Int, bytes: Int) -> UInt64 {
            header[offset..<(offset + bytes)].reduce(0) { $0 << 8 | UInt64($1) }
        }
        let version = number(at: 4, bytes: 4)
        guard version == 2 || version == 3 else {
            throw CloudError(.badRequest, "The image is of an unknown version of qcow2.", detail: "\(version)")
        }
        guard number(at: 8, bytes: 8) == 0 else {
            throw CloudError(.badRequest, "The image lies on another file, which is not allowed: flatten it first.")
        }
        guard number(at: 32, bytes: 4) == 0 else {
            throw CloudError(.badRequest, "The image is encrypted, which is not supported.")
        }
        // Bit 2 of the incompatible features: the data is in an external file.
        guard version == 2 || number(at: 72, bytes: 8) & 4 == 0 else {
            throw CloudError(.badRequest, "The image keeps its data in another file, which is not allowed.")
        }
        let size = number(at: 24, bytes: 8)
        guard size > 0, size <= 1 << 46 else {
            throw CloudError(.badRequest, "The image's disk has an impossible size.", detail: "\(size)")
        }
        virtualSize = Int64(size)
    }
}
