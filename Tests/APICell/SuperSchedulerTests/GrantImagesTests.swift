import CellProtocol
import CloudModel
import CloudTestKit
import ComputeRecords
import Database
import Testing

@testable import SuperScheduler

/// Who is let fetch an image: the host that asks, for a server of its cell, and with its own key alone.
@Suite struct GrantImagesTests {
    /// Says what it would sign.
    private struct Signer: ImageGrantSigner {
        func grant(image: ImageID, server: ServerID?, host: HostName, hostKey: String, expires: Timestamp) throws -> String {
            "\(image) \(server.map { "\($0)" } ?? "nobody") \(host) \(hostKey)"
        }
        func url(of image: ImageID) -> String { "https://images/\(image)" }
    }

    private let question = AskForImageGrant(
        server: .random(), epoch: PlacementEpoch(7), image: .random(), host: "compute-1.tunis", hostKey: "AbCd")

    /// A server that Tunis builds.
    private func withServer(_ body: (GrantImages) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.migrate(ComputeMigrations.all, schema: ComputeMigrations.schema)
            let spec = ServerSpec(
                name: "s", hostname: "s", project: "p", user: "u",
                flavor: Flavor(id: "1", name: "m", vcpus: 1, ram: 64, disk: 1),
                image: nil)
            try await database.query(
                """
                INSERT INTO compute.servers (id, project, user_id, name, spec, flavor_id, vcpus, ram, reservation_id, mapping, cell, epoch,
                    image_id, created_at, updated_at)
                VALUES (\(question.server), 'p', 'u', 's', \(json: spec), '1', 1, 64, 'r-1', 'placing', 'tunis', 7, \(question.image), now(), now())
                """)
            try await body(GrantImages(database: database, signer: Signer()))
        }
    }

    private func refusal(_ question: AskForImageGrant, from cell: CellName = "tunis", _ grants: GrantImages) async throws
        -> CloudError.Code?
    {
        do {
            _ = try await grants(question, from: cell)
            return nil
        } catch let error as CloudError {
            return error.code
        }
    }

    @Test func theKeyOfTheAskingHostIsSignedIntoTheGrant() async throws {
        try await withServer { grants async throws in
            let grant = try await grants(question, from: "tunis")
            #expect(grant.grant == "\(question.image) \(question.server) compute-1.tunis AbCd")
        }
    }

    @Test func withoutAKeyThereIsNoGrant() async throws {
        try await withServer { grants async throws in
            var unbound = question
            unbound.hostKey = nil
            #expect(try await refusal(unbound, grants) == .badRequest)
        }
    }

    @Test func anotherCellAnotherPlacementAndAnotherImageAreRefused() async throws {
        try await withServer { grants async throws in
            #expect(try await refusal(question, from: "london", grants) == .forbidden)
            var late = question
            late.epoch = PlacementEpoch(6)
            #expect(try await refusal(late, grants) == .forbidden)
            var other = question
            other.image = .random()
            #expect(try await refusal(other, grants) == .forbidden)
        }
    }
}
