import APIConventions
import CellProtocol
import CloudModel
import HTTPTypes
import Testing

@testable import Nova

/// `GET /meridian/v1/cells/{cell}/drift`.
@Suite struct DriftTests {
    private static func stranger(on host: HostName, _ name: String?) -> GetDrift.Stranger {
        .init(
            server: .random(), host: host, epoch: PlacementEpoch(7), power: .running, name: name,
            seenAt: Timestamp(microseconds: 1_795_210_500_000_000))
    }

    @Test func guestsThatNobodyOrderedAreShownPageByPage() async throws {
        let guests = [Self.stranger(on: "compute-1.tunis", "web"), Self.stranger(on: "compute-2.tunis", nil)]
        try await NovaFixture.with { cloud async throws in
            cloud.questions.found(guests)
            let first = try await cloud.call(.get, "/meridian/v1/cells/tunis/drift?limit=1", as: "admin")
            #expect(first.status == 200)
            let shown = try #require(first.json["drift"]?.array)
            #expect(shown.count == 1)
            #expect(shown[0]["server"]?.string == guests[0].server.description)
            #expect(shown[0]["host"] == "compute-1.tunis")
            #expect(shown[0]["name"] == "web")
            #expect(shown[0]["epoch"] == 7)
            #expect(shown[0]["power"] == "running")
            #expect(shown[0]["seen_at"]?.string == guests[0].seenAt.description)
            let next = try #require(first.json["next"]?.string)
            let second = try await cloud.call(.get, "/meridian/v1/cells/tunis/drift?limit=1&marker=\(next)", as: "admin").json
            #expect(second["drift"]?.array?.map { $0["host"]?.string } == ["compute-2.tunis"])
            #expect(second["drift"]?.array?.first?["name"] == .null)
            #expect(second["next"] == .null)
        }
    }

    @Test func onlyAdministratorsAreTold() async throws {
        try await NovaFixture.with { cloud async throws in
            for token in ["member", "reader", "stranger"] {
                #expect(try await cloud.call(.get, "/meridian/v1/cells/tunis/drift", as: token).status == 403)
            }
        }
    }

    @Test func aSilentCellIsSaidToBeSilentAndWhenToAskAgain() async throws {
        try await NovaFixture.with { cloud async throws in
            let never = try await cloud.call(.get, "/meridian/v1/cells/amsterdam/drift", as: "admin")
            #expect(never.status == 503)
            #expect(never.headers[.retryAfter] != nil)
            #expect(never.message.contains("amsterdam"))
            // Silent only to the hub, which knows it first.
            cloud.questions.goSilent()
            let silent = try await cloud.call(.get, "/meridian/v1/cells/tunis/drift", as: "admin")
            #expect(silent.status == 503)
            #expect(silent.headers[.retryAfter] != nil)
        }
    }

    @Test(arguments: [
        "limit=0", "limit=201", "limit=many", "marker=x", "marker=/", "marker=compute-1.tunis/5",
        "marker=a/b/11111111-1111-1111-1111-111111111111",
    ])
    func whatCannotBeReadIsRefused(_ query: String) async throws {
        try await NovaFixture.with { cloud async throws in
            #expect(try await cloud.call(.get, "/meridian/v1/cells/tunis/drift?\(query)", as: "admin").status == 400)
        }
    }

    @Test func aCellThatNeverJoinedIsNotFound() async throws {
        try await NovaFixture.with { cloud async throws in
            #expect(try await cloud.call(.get, "/meridian/v1/cells/atlantis/drift", as: "admin").status == 404)
        }
    }
}
