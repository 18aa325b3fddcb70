import APIConventions
import CellProtocol
import CloudModel
import ComputeRecords
import Database
import HTTPTypes
import Testing

@testable import Nova

/// Cells that enrol over HTTP.
@Suite struct EnrolmentTests {
    private static let key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
    private static let otherKey = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

    private func body(_ token: EnrolmentToken, _ cell: String = "oslo", key: String = key) -> JSONValue {
        .object([
            "enrolment": .object([
                "token": .string(token.text), "cell": .string(cell), "public_key": .string(key), "description": "Up north",
            ])
        ])
    }

    private func issue(_ cloud: NovaFixture, lifetime: Duration = .seconds(60), replaces: Bool = false) async throws
        -> EnrolmentToken
    {
        try await CellEnrolments(database: cloud.database).issue(for: "oslo", lifetime: lifetime, replaces: replaces)
    }

    private func enrol(_ cloud: NovaFixture, _ body: JSONValue) async throws -> NovaFixture.Answer {
        try await cloud.call(.post, "/meridian/v1/enrolments", body, as: nil)
    }

    private func keys(_ cloud: NovaFixture) async throws -> [String] {
        try await CellEnrolments(database: cloud.database).enrolled().map { "\($0.cell) \($0.key)" }
    }

    @Test func aTokenLetsACellInOnceAndTellsItTheHubsKey() async throws {
        try await NovaFixture.with { cloud async throws in
            let token = try await issue(cloud)
            let answer = try await enrol(cloud, body(token))
            #expect(answer.status == 201, "\(answer.text)")
            #expect(answer.json["enrolment"]?["cell"] == "oslo")
            #expect(answer.json["enrolment"]?["federation"] == "meridian")
            #expect(answer.json["enrolment"]?["hub_key"] == .string(NovaFixture.hubKey))
            #expect(try await keys(cloud) == ["oslo \(Self.key)"])
            #expect(cloud.regions.added == ["oslo: Up north"])
        }
    }

    @Test func theSameWordsAgainAreAnsweredAgain() async throws {
        try await NovaFixture.with { cloud async throws in
            let token = try await issue(cloud)
            _ = try await enrol(cloud, body(token))
            // Its time is over; the cell never heard the answer.
            try await cloud.database.query("UPDATE compute.enrolment_tokens SET expires_at = now() - interval '1 minute'")
            let again = try await enrol(cloud, body(token))
            #expect(again.status == 200, "\(again.text)")
            #expect(try await keys(cloud) == ["oslo \(Self.key)"])
            // The catalog is told again: the first may have died before it was.
            #expect(cloud.regions.added.count == 2)
        }
    }

    @Test func aUsedTokenLetsNoOtherKeyIn() async throws {
        try await NovaFixture.with { cloud async throws in
            let token = try await issue(cloud)
            _ = try await enrol(cloud, body(token))
            let other = try await enrol(cloud, body(token, key: Self.otherKey))
            #expect(other.status == 409)
            #expect(other.message.contains("has been used with another key"))
            #expect(try await keys(cloud) == ["oslo \(Self.key)"])
        }
    }

    @Test func aTokenThatDoesNotHoldLetsNobodyIn() async throws {
        try await NovaFixture.with { cloud async throws in
            let late = try await issue(cloud, lifetime: .seconds(-1))
            let revoked = try await issue(cloud)
            let enrolments = CellEnrolments(database: cloud.database)
            for ticket in try await enrolments.openTickets() where !ticket.isExpired {
                #expect(try await enrolments.revoke(ticket.id) == ["oslo"])
            }
            let good = try await issue(cloud)
            for (request, sentence) in [
                (body(late), "expired at"), (body(revoked), "not valid, or was revoked"), (body(.random()), "not valid"),
                (body(good, "bergen"), "is for the cell oslo"),
            ] {
                let answer = try await enrol(cloud, request)
                #expect(answer.status == 403)
                #expect(answer.message.contains(sentence), "\(answer.message)")
            }
            #expect(try await keys(cloud).isEmpty)
            #expect(cloud.regions.added.isEmpty)
            // None of it used the good one up.
            #expect(try await enrol(cloud, body(good)).status == 201)
        }
    }

    @Test func anotherKeyNeedsATokenThatMayReplace() async throws {
        try await NovaFixture.with { cloud async throws in
            _ = try await enrol(cloud, body(try await issue(cloud)))
            let plain = try await issue(cloud)
            #expect(try await enrol(cloud, body(plain, key: Self.otherKey)).status == 409)
            let replacing = try await issue(cloud, replaces: true)
            #expect(try await enrol(cloud, body(replacing, key: Self.otherKey)).status == 201)
            #expect(try await keys(cloud) == ["oslo \(Self.otherKey)"])
        }
    }

    @Test func oneKeyIsOneCells() async throws {
        try await NovaFixture.with { cloud async throws in
            _ = try await enrol(cloud, body(try await issue(cloud)))
            let bergen = try await CellEnrolments(database: cloud.database).issue(
                for: "bergen", lifetime: .seconds(60), replaces: false)
            let answer = try await enrol(cloud, body(bergen, "bergen"))
            #expect(answer.status == 409)
            #expect(answer.message.contains("another cell's"))
        }
    }

    @Test func whatCanNotBeACellAKeyOrATokenIsSaidAndCostsNothing() async throws {
        try await NovaFixture.with { cloud async throws in
            let token = try await issue(cloud)
            for (request, status) in [
                (body(token, "Oslo!"), 400), (body(token, key: "short"), 400), (.object([:]), 400),
                (.object(["enrolment": "yes"]), 400),
                (.object(["enrolment": .object(["token": "x", "cell": "oslo", "public_key": .string(Self.key)])]), 403),
                (.object(["enrolment": .object(["cell": "oslo", "public_key": .string(Self.key)])]), 400),
                (.object(["enrolment": .object(["description": .string(String(repeating: "x", count: 5_000))])]), 413),
            ] {
                let answer = try await enrol(cloud, request)
                #expect(answer.status == status, "\(answer.text)")
                #expect(answer.message.split(separator: " ").count > 3)
            }
            #expect(try await keys(cloud).isEmpty)
        }
    }

    @Test func twoThatBringOneTokenAtOnceDoNotBothGetIn() async throws {
        try await NovaFixture.with { cloud async throws in
            let token = try await issue(cloud)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for key in [Self.key, Self.otherKey] {
                    group.addTask { try await enrol(cloud, body(token, key: key)).status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [201, 409])
            #expect(try await keys(cloud).count == 1)
        }
    }

    @Test func theDatabaseNeverHoldsATokensText() async throws {
        try await NovaFixture.with { cloud async throws in
            let token = try await issue(cloud)
            let rows = try await cloud.database.query("SELECT t::text AS line FROM compute.enrolment_tokens t")
            #expect(try rows.map { try $0.get("line") as String }.allSatisfy { !$0.contains(token.text) })
            #expect(!"\(token)".contains(token.text))
        }
    }

    @Test func ofTwoTokensForANewCellOneLetsItIn() async throws {
        try await NovaFixture.with { cloud async throws in
            let bodies = [body(try await issue(cloud)), body(try await issue(cloud), key: Self.otherKey)]
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for body in bodies { group.addTask { try await enrol(cloud, body).status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [201, 409])
            #expect(try await keys(cloud).count == 1)
        }
    }

    /// A cell whose key was replaced since says its old words again: it is told that, and not that somebody took its token.
    @Test func wordsOfAKeyThatWasReplacedAreRefusedForThat() async throws {
        try await NovaFixture.with { cloud async throws in
            let first = try await issue(cloud)
            _ = try await enrol(cloud, body(first))
            _ = try await enrol(cloud, body(try await issue(cloud, replaces: true), key: Self.otherKey))
            let again = try await enrol(cloud, body(first))
            #expect(again.status == 409)
            #expect(again.message.contains("is enrolled with another key"), "\(again.message)")
        }
    }
}
