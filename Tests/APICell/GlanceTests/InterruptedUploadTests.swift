import APIConventions
import CloudModel
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

@testable import Glance

@Suite struct InterruptedUploadTests {
    private struct Broken: Error {}

    /// A body that breaks off after some chunks.
    private struct BreakingBody: AsyncSequence, Sendable {
        let chunks: Int
        struct AsyncIterator: AsyncIteratorProtocol {
            var left: Int
            mutating func next() async throws -> ByteBuffer? {
                guard left > 0 else { throw Broken() }
                left -= 1
                return bytes(700_000)
            }
        }
        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(left: chunks) }
    }

    private func queued(_ glance: Glances) async throws -> Image {
        try await glance.service.create(["name": "x", "disk_format": "raw", "container_format": "bare"], by: glance.cloud)
    }

    @Test(arguments: [0, 1, 5])
    func anUploadThatBreaksOffKillsTheImage(_ chunks: Int) async throws {
        try await withGlance { glance in
            let image = try await queued(glance)
            await #expect(throws: Broken.self) {
                try await glance.service.upload(BreakingBody(chunks: chunks), to: image.id, UploadHeaders(), by: glance.cloud)
            }
            #expect(try await glance.service.image(image.id, for: .cloud).status == .killed)
            #expect(glance.files == [])
        }
    }

    @Test func aBodyShorterThanAnnouncedKillsTheImage() async throws {
        try await withGlance { glance in
            let image = try await queued(glance)
            let body = AsyncStream { stream in
                stream.yield(bytes(1_000))
                stream.finish()
            }
            await #expect(throws: CloudError.self) {
                try await glance.service.upload(body, to: image.id, UploadHeaders(length: 2_000), by: glance.cloud)
            }
            #expect(try await glance.service.image(image.id, for: .cloud).status == .killed)
        }
    }

    @Test(arguments: ["Content-Length: 5000000", "Transfer-Encoding: chunked"])
    func aClientThatGoesAwayKillsTheImage(_ framing: String) async throws {
        try await withGlanceAPI { glance, client in
            let id = try await client.created()
            let port = try #require(client.port)
            var head = "PUT /v2/images/\(id)/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: alice\r\n"
            head += "Content-Type: application/octet-stream\r\n\(framing)\r\n\r\n"
            if framing.hasPrefix("Transfer") { head += "80000\r\n" }
            try send(Array(head.utf8) + [UInt8](repeating: 7, count: 100_000), to: port)
            try await eventually { try await client.status(id) == "killed" }
            try await eventually { glance.files == [] }
        }
    }

    @Test func anImageDeletedDuringItsUploadStaysDeleted() async throws {
        try await withGlance { glance in
            let image = try await queued(glance)
            let (body, stream) = AsyncStream<ByteBuffer>.makeStream()
            stream.yield(bytes(2_000_000))
            let upload = Task { try await glance.service.upload(body, to: image.id, UploadHeaders(), by: glance.cloud) }
            try await eventually { try await glance.service.image(image.id, for: .cloud).status == .saving }
            try await glance.service.delete(image.id, by: glance.cloud)
            stream.finish()
            await #expect(throws: CloudError.self) { try await upload.value }
            #expect(glance.files == [])
            #expect(try await glance.service.images.wasDeleted(image.id))
        }
    }

    @Test func ofTwoUploadsOneWins() async throws {
        try await withGlance { glance in
            let image = try await queued(glance)
            let results = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let body = AsyncStream { stream in
                            stream.yield(bytes(1_500_000))
                            stream.finish()
                        }
                        do {
                            try await glance.service.upload(body, to: image.id, UploadHeaders(), by: glance.cloud)
                            return true
                        } catch {
                            return false
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.filter(\.self).count == 1)
            #expect(try await glance.service.image(image.id, for: .cloud).status == .active)
            #expect(glance.files == [image.id.description])
        }
    }

    @Test func aRestartKillsTheUploadsOfTheDeadAndSparesTheLiving() async throws {
        try await withGlance { glance in
            let (dead, living) = (try await queued(glance), try await queued(glance))
            let renamed = try await queued(glance)
            let uploads = glance.service.uploads
            // What a process leaves that dies while it receives: a row, and a part that nobody locks.
            let lost = UUID()
            #expect(try await uploads.begin(lost, of: dead.id, at: .now()))
            try Data([1, 2, 3]).write(to: URL(fileURLWithPath: glance.service.files.partPath(of: dead.id, upload: lost)))
            // One that died between the rename and the row's turning active.
            #expect(try await uploads.begin(UUID(), of: renamed.id, at: .now()))
            try Data([1, 2, 3]).write(to: URL(fileURLWithPath: glance.service.files.path(of: renamed.id)))
            // A file of an image that nobody knows: absence is no order.
            try Data([1]).write(to: URL(fileURLWithPath: glance.directory + "/unknown"))
            // One that another process still receives.
            let upload = UUID()
            let part = try glance.service.files.createPart(of: living.id, upload: upload)
            #expect(try await uploads.begin(upload, of: living.id, at: .now()))

            try await glance.restarted().service.sweep()
            #expect(try await glance.service.image(dead.id, for: .cloud).status == .killed)
            #expect(try await glance.service.image(renamed.id, for: .cloud).status == .killed)
            #expect(try await glance.service.image(living.id, for: .cloud).status == .saving)
            #expect(glance.files == ["\(living.id).\(upload.lowercased).part", "unknown"].sorted())
            _ = part
        }
    }

    // MARK: - Helpers

    /// Waits for a state, for ten seconds at most.
    private func eventually(_ condition: () async throws -> Bool) async throws {
        for _ in 0..<500 {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("it didn't happen within ten seconds")
    }

    /// Sends the bytes to a port of this machine and closes the connection.
    private func send(_ bytes: [UInt8], to port: Int) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Foundation.send(descriptor, $0.baseAddress, $0.count, 0) }
            try #require(count > 0)
            sent += count
        }
    }
}
