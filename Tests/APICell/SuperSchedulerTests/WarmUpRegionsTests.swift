import CellProtocol
import CloudModel
import CloudTestKit
import ComputeRecords
import Database
import Testing

@testable import SuperScheduler

/// Which images a new region is told of, and who may fetch them.
@Suite struct WarmUpRegionsTests {
    private struct Images: ImagesOfAll {
        var all: [ImageReference]
        func newest(atMost limit: Int) -> [ImageReference] { Array(all.prefix(limit)) }
        func image(_ id: ImageID) -> ImageReference? { all.first { $0.id == id } }
    }

    private struct Signer: ImageGrantSigner {
        func grant(image: ImageID, server: ServerID?, host: HostName, hostKey: String, expires: Timestamp) throws -> String {
            "\(image) \(server == nil) \(host) \(hostKey)"
        }
        func url(of image: ImageID) -> String { "https://images/\(image)" }
    }

    private func images(_ count: Int) -> [ImageReference] {
        (0..<count).map { ImageReference(id: .random(), name: "\($0)", diskFormat: "raw", size: 1, sha512: "00") }
    }

    @Test func whatMostServersRunOnComesFirstAndThenTheNewest() {
        let all = images(4)
        let chosen = WarmUpRegions.chosen(of: all, servers: [all[3].id: 2, all[1].id: 7])
        #expect(chosen.map(\.name) == ["1", "3", "0", "2"])
    }

    @Test func aRegionIsToldOfSoManyAndNoMore() {
        #expect(WarmUpRegions.chosen(of: images(20), servers: [:]).count == ImagesToWarm.most)
    }

    @Test func serversThatAreGoneCountForNothing() async throws {
        try await withDatabase { database in
            try await database.migrate(ComputeMigrations.all, schema: ComputeMigrations.schema)
            let all = images(3)
            func add(_ image: ImageReference, deleted: Bool) async throws {
                let spec = ServerSpec(
                    name: "s", hostname: "s", project: "p", user: "u",
                    flavor: Flavor(id: "1", name: "m", vcpus: 1, ram: 64, disk: 1), image: image)
                try await database.query(
                    """
                    INSERT INTO compute.servers (id, project, user_id, name, spec, flavor_id, vcpus, ram, reservation_id, mapping, cell,
                        epoch, image_id, created_at, updated_at, deleted_at)
                    VALUES (\(ServerID.random()), 'p', 'u', 's', \(json: spec), '1', 1, 64, 'r-1', 'placing', 'tunis', 7, \(image.id),
                        now(), now(), \(deleted ? Timestamp.now() : nil))
                    """)
            }
            for _ in 0..<3 { try await add(all[0], deleted: true) }
            try await add(all[2], deleted: false)
            let warmUp = WarmUpRegions(database: database, images: Images(all: all), signer: Signer())
            #expect(try await warmUp.choose().images.map(\.name) == ["2", "0", "1"])
        }
    }

    @Test func onlyAnImageOfAllIsGrantedAndToNobodysServer() async throws {
        try await withDatabase { database in
            let all = images(1)
            let warmUp = WarmUpRegions(database: database, images: Images(all: all), signer: Signer())
            let granted = try await warmUp.grant(.init(image: all[0].id, host: "compute-1.tunis", hostKey: "AbCd"))
            #expect(granted.grant == "\(all[0].id) true compute-1.tunis AbCd")
            let error = await #expect(throws: CloudError.self) {
                _ = try await warmUp.grant(.init(image: .random(), host: "compute-1.tunis", hostKey: "AbCd"))
            }
            #expect(error?.code == .forbidden)
        }
    }
}
