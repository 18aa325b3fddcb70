import CloudModel
import Foundation
import Hypervisors
import Testing

@testable import HypervisorLibvirt

@Suite struct BaseImageHeaderTests {
    /// The header of a qcow2 of version 3 and 64 MiB, with some bytes changed.
    private func size(_ change: (inout [UInt8]) -> Void = { _ in }) throws -> Int64 {
        var header = [UInt8](repeating: 0, count: 104)
        header.replaceSubrange(0..<8, with: [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3])
        header.replaceSubrange(24..<32, with: [0, 0, 0, 0, 4, 0, 0, 0])
        change(&header)
        let path = NSTemporaryDirectory() + "meridian-header-\(UUID().uuidString)"
        defer { unlink(path) }
        try Data(header).write(to: URL(fileURLWithPath: path))
        return try BaseImageHeader(of: .init(path: path, format: "qcow2")).virtualSize
    }

    @Test func theSizeIsTheGuestsDisk() throws { #expect(try size() == 64 << 20) }

    @Test func anImageThatPointsAtAnotherFileIsRefused() {
        #expect(throws: CloudError.self) { try size { $0[15] = 104 } }
        #expect(throws: CloudError.self) { try size { $0[79] = 4 } }
    }

    @Test func whatIsNotQcow2IsRefused() {
        #expect(throws: CloudError.self) { try size { $0[0] = 0 } }
        #expect(throws: CloudError.self) { try size { $0[7] = 9 } }
        #expect(throws: CloudError.self) { try size { $0[35] = 1 } }
        #expect(throws: CloudError.self) { try size { $0[24] = 0xff } }
    }
}
