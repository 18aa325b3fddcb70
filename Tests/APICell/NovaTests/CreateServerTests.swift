import APIConventions
import CellProtocol
import CloudModel
import Database
import HTTPTypes
import Synchronization
import Testing

@testable import Nova

@Suite struct CreateServerTests {
    @Test func aCreateIsARowAndAnIntentBeforeItIsAnswered() async throws {
        try await NovaFixture.with { cloud async throws in
            let answer = try await cloud.call(
                .post, "/v2.1/servers", NovaFixture.body("one", ["metadata": ["role": "web"], "availability_zone": "tunis"]))
            #expect(answer.status == 202)
            let server = try #require(answer.json["server"])
            #expect(server.object?.keys.sorted() == ["OS-DCF:diskConfig", "adminPass", "id", "links", "security_groups"])
            let id = try #require(server["id"]?.string.flatMap { ServerID($0) })
            #expect(answer.headers[.location] == "http://compute.test:8774/v2.1/servers/\(id)")
            #expect(server["links"]?.array?.first?["href"]?.string == "http://compute.test:8774/v2.1/servers/\(id)")
            #expect(server["links"]?.array?.last?["href"]?.string == "http://compute.test:8774/servers/\(id)")

            let row = try #require(
                try await cloud.database.query(
                    """
                    SELECT s.mapping, s.zone, s.home_region, s.spec->'flavor'->>'ram' AS ram, a.verb, a.delivery, a.request,
                        a.deadline > now() + interval '9 minutes' AS waits, jsonb_array_length(a.api_steps) AS steps
                    FROM compute.servers AS s JOIN compute.server_actions AS a ON a.server = s.id WHERE s.id = \(id)
                    """
                ).first)
            #expect(try (row.get("mapping")) == "unplaced")
            #expect(try (row.get("zone")) == "tunis")
            #expect(try (row.get("home_region")) == "tunis")
            #expect(try (row.get("ram")) == "128")
            #expect(try (row.get("verb")) == Verb.create)
            #expect(try (row.get("delivery")) == "pending")
            #expect(try (row.get("request")) == answer.headers[.openStackRequestID])
            #expect(try (row.get("waits")) == true)
            #expect(try (row.get("steps")) == 4)
            #expect(cloud.signal.count == 1)

            let shown = try await cloud.show(id)
            #expect(shown["status"] == "BUILD")
            #expect(shown["OS-EXT-STS:task_state"] == "scheduling")
            #expect(shown["OS-EXT-STS:vm_state"] == "building")
            #expect(shown["metadata"] == ["role": "web"])
        }
    }

    @Test(arguments: BadCreate.all)
    func badInputIsRefusedWithASentenceAndLeavesNothing(_ bad: BadCreate) async throws {
        try await NovaFixture.with { cloud async throws in
            let answer = try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("one", bad.change))
            #expect(answer.status == 400, "\(bad.what): \(answer.text)")
            #expect(answer.json["badRequest"]?["code"] == 400)
            #expect(answer.message.contains(bad.sentence), "\(bad.what): \(answer.message)")
            #expect(try await cloud.count("compute.servers") == 0)
            #expect(try await cloud.count("compute.server_actions") == 0)
            #expect(cloud.signal.count == 0)
        }
    }

    @Test func whatCannotBeServedYetIsSaidSo() async throws {
        try await NovaFixture.with { cloud async throws in
            for change: [String: JSONValue] in [
                ["user_data": "aGVsbG8="], ["block_device_mapping_v2": [["source_type": "volume", "uuid": "x"]]],
                ["personality": [["path": "/a", "contents": "aA=="]]], ["availability_zone": "tunis:compute-1.tunis"],
            ] {
                let answer = try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("one", change))
                #expect(answer.status == 501, "\(answer.text)")
                #expect(answer.json["notImplemented"]?["code"] == 501)
            }
            #expect(try await cloud.count("compute.servers") == 0)
        }
    }

    @Test func hintsAreBoundedInCharactersAndBytes() async throws {
        try await NovaFixture.with { cloud async throws in
            let accents = String("a" + String(repeating: "\u{301}", count: 300))
            var many = JSONObject()
            for number in 0..<30 { many["hint\(number)"] = .string(String(repeating: "h", count: 255)) }
            for hints: JSONValue in [[accents: "b"], ["a\0": "b"], ["a": "b\0"], .object(many)] {
                var body = try #require(NovaFixture.body("one").object)
                body["os:scheduler_hints"] = hints
                let answer = try await cloud.call(.post, "/v2.1/servers", .object(body))
                #expect(answer.status == 400, "\(answer.text)")
            }
            var body = try #require(NovaFixture.body("one").object)
            body["os:scheduler_hints"] = ["a": .string(accents)]
            #expect(try await cloud.call(.post, "/v2.1/servers", .object(body)).status == 202)
        }
    }

    /// Whatever gets past the checks of a request: it must not fail the creates of others that share its commit.
    @Test func anOrderThatCantBeStoredFailsAlone() async throws {
        try await NovaFixture.with { cloud async throws in
            let store = CreateStore(database: cloud.database, defaults: QuotaLimits())
            let (held, door) = AsyncStream<Void>.makeStream()
            let batches = Mutex<[Int]>([])
            let batcher = CreateBatcher { orders in
                if batches.withLock({
                    $0.append(orders.count); return $0.count
                }) == 1 {
                    for await _ in held {}
                }
                return try await store.insert(orders)
            }
            func order(_ name: String, metadata: [String: String] = [:]) -> CreateOrder {
                let spec = ServerSpec(
                    name: name, hostname: name, project: NovaFixture.project, user: NovaFixture.user,
                    flavor: Flavor(id: "1", name: "m1", vcpus: 1, ram: 128, disk: 1), image: nil, metadata: metadata)
                return CreateOrder(
                    project: NovaFixture.project,
                    servers: [
                        NewServer(
                            id: .random(), intent: .random(), request: nil, spec: spec, description: nil, homeRegion: nil,
                            accessIPv4: nil, accessIPv6: nil, reservation: "r-1", createdAt: .now(),
                            deadline: .now() + .seconds(600), steps: [])
                    ], idempotency: nil)
            }
            let first = Task { try await batcher(order("first")) }
            while batches.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(1)) }
            let bad = Task { try await batcher(order("bad", metadata: ["a\0": "b"])) }
            let good = (0..<5).map { number in Task { try await batcher(order("good\(number)")) } }
            try await Task.sleep(for: .milliseconds(50))
            door.finish()
            _ = try await first.value
            await #expect(throws: (any Error).self) { try await bad.value }
            for good in good { guard case .stored = try await good.value else { return #expect(Bool(false), "refused") } }
            #expect(batches.withLock { $0.contains { $0 > 1 } })
            #expect(try await cloud.count("compute.servers") == 6)
        }
    }

    @Test func malformedAndOversizedBodiesAreRefused() async throws {
        try await NovaFixture.with { cloud async throws in
            #expect(try await cloud.raw(.post, "/v2.1/servers", "{\"server\": ").status == 400)
            #expect(try await cloud.raw(.post, "/v2.1/servers", "[]").status == 400)
            #expect(try await cloud.raw(.post, "/v2.1/servers", "{}").status == 400)
            let large = String(repeating: "x", count: 200_000)
            #expect(try await cloud.raw(.post, "/v2.1/servers", "{\"server\": {\"name\": \"\(large)\"}}").status == 413)
        }
    }

    @Test func networksNoneAndAutoComeWithVersion37() async throws {
        try await NovaFixture.with { cloud async throws in
            for word: JSONValue in ["none", "auto"] {
                let answer = try await cloud.call(
                    .post, "/v2.1/servers", NovaFixture.body("one", ["networks": word]), version: "2.37")
                #expect(answer.status == 202)
            }
            #expect(try await cloud.call(.post, "/v2.1/servers", NovaFixture.body(), version: "2.37").status == 400)
            #expect(try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("one", ["networks": []])).status == 202)
        }
    }

    @Test func severalServersOfOneRequestShareAReservation() async throws {
        try await NovaFixture.with { cloud async throws in
            let answer = try await cloud.call(
                .post, "/v2.1/servers", NovaFixture.body("many", ["min_count": 3, "return_reservation_id": true]))
            #expect(answer.status == 202)
            let reservation = try #require(answer.json["reservation_id"]?.string)
            let list = try await cloud.call(
                .get, "/v2.1/servers?reservation_id=\(reservation)&sort_key=display_name&sort_dir=asc")
            #expect(list.json["servers"]?.array?.map { $0["name"]?.string } == ["many-1", "many-2", "many-3"])
        }
    }

    @Test func quotaIsNotOverrunByTwentyCreatesAtOnce() async throws {
        try await NovaFixture.with(quotas: QuotaLimits(instances: 5, cores: 100, ram: 100_000)) { cloud async throws in
            let statuses = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for number in 1...20 {
                    group.addTask {
                        let answer = try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("s\(number)"))
                        return (answer.status, answer.message)
                    }
                }
                return try await group.reduce(into: [(Int, String)]()) { $0.append($1) }
            }
            #expect(statuses.count { $0.0 == 202 } == 5)
            #expect(statuses.count { $0.0 == 403 } == 15)
            #expect(
                statuses.first { $0.0 == 403 }?.1
                    == "Quota exceeded for instances: Requested 1, but already used 5 of 5 instances")
            #expect(try await cloud.count("compute.servers") == 5)
        }
    }

    @Test func twoProcessesSideBySideDoNotOverrunTheQuotaEither() async throws {
        try await NovaFixture.with(quotas: QuotaLimits(instances: 100, cores: 7, ram: 100_000)) { cloud async throws in
            let store = CreateStore(database: cloud.database, defaults: QuotaLimits(instances: 100, cores: 7, ram: 100_000))
            let batchers = (0..<4).map { _ in CreateBatcher { try await store.insert($0) } }
            let order = try await Self.order(cloud)
            let stored = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        if case .stored = try await batchers[number % 4](order()) { true } else { false }
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(stored == 7)
            #expect(try await cloud.count("compute.servers") == 7)
        }
    }

    private static func order(_ cloud: NovaFixture) async throws -> @Sendable () -> CreateOrder {
        let flavor = BootstrapFlavors.familiar[0]
        return {
            let id = ServerID.random()
            let now = Timestamp.now()
            return CreateOrder(
                project: NovaFixture.project,
                servers: [
                    NewServer(
                        id: id, intent: .random(), request: nil,
                        spec: .init(
                            name: "x", hostname: "x", project: NovaFixture.project, user: NovaFixture.user, flavor: flavor,
                            image: nil),
                        description: nil, homeRegion: nil, accessIPv4: nil, accessIPv6: nil, reservation: "r-1", createdAt: now,
                        deadline: now + .seconds(600), steps: [])
                ], idempotency: nil)
        }
    }

    @Test func aRangeOfCountsIsMetAsFarAsTheQuotaGoes() async throws {
        try await NovaFixture.with(quotas: QuotaLimits(instances: 3)) { cloud async throws in
            #expect(
                try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("some", ["min_count": 2, "max_count": 5])).status
                    == 202)
            #expect(try await cloud.count("compute.servers") == 3)
        }
    }

    @Test func anIdempotencyKeyReplaysTheAnswerAndRefusesAnotherBody() async throws {
        try await NovaFixture.with { cloud async throws in
            let key = ["Idempotency-Key": "k1"]
            let first = try await cloud.call(.post, "/v2.1/servers", NovaFixture.body(), headers: key)
            let second = try await cloud.call(.post, "/v2.1/servers", NovaFixture.body(), headers: key)
            #expect(first.status == 202 && second.status == 202)
            #expect(first.json["server"]?["id"] == second.json["server"]?["id"])
            #expect(second.headers[.location] == first.headers[.location])
            #expect(try await cloud.count("compute.servers") == 1)
            #expect(try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("two"), headers: key).status == 409)
            // Another project's key is another key.
            #expect(
                try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("two"), as: "stranger", headers: key).status
                    == 202)
            let kept: String = try #require(
                try await cloud.database.query("SELECT answer FROM compute.idempotency_keys LIMIT 1").first
            ).get("answer")
            #expect(!kept.contains("adminPass"))
        }
    }

    @Test func tenCreatesAtOnceUnderOneKeyMakeOneServer() async throws {
        try await NovaFixture.with { cloud async throws in
            let ids = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 1...10 {
                    group.addTask {
                        try await cloud.call(.post, "/v2.1/servers", NovaFixture.body(), headers: ["Idempotency-Key": "same"])
                            .json["server"]?["id"]?.string
                    }
                }
                return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            #expect(try await cloud.count("compute.servers") == 1)
        }
    }

    @Test func whoMayNotCreateIsToldSo() async throws {
        try await NovaFixture.with { cloud async throws in
            #expect(try await cloud.call(.post, "/v2.1/servers", NovaFixture.body(), as: nil).status == 401)
            #expect(try await cloud.call(.post, "/v2.1/servers", NovaFixture.body(), as: "forged").status == 401)
            #expect(try await cloud.call(.post, "/v2.1/servers", NovaFixture.body(), as: "unscoped").status == 403)
            let answer = try await cloud.call(.post, "/v2.1/servers", NovaFixture.body(), as: "reader")
            #expect(answer.status == 403)
            #expect(answer.message == "Policy doesn't allow os_compute_api:servers:create to be performed.")
        }
    }
}

/// A create with one thing wrong, and what the answer must say.
struct BadCreate: Sendable, CustomTestStringConvertible {
    let what: String
    let change: [String: JSONValue]
    let sentence: String

    init(_ what: String, _ change: [String: JSONValue], _ sentence: String) {
        self.what = what
        self.change = change
        self.sentence = sentence
    }

    var testDescription: String { what }

    static let all: [BadCreate] = [
        BadCreate("no name", ["name": .null], "name"),
        BadCreate("a blank name", ["name": "  "], "name"),
        BadCreate("a number for a name", ["name": 12_345], "12345 is not of type 'string'"),
        BadCreate("a name of 256 characters", ["name": .string(String(repeating: "x", count: 256))], "too long"),
        BadCreate("an unknown flavor", ["flavorRef": "99"], "Flavor 99 could not be found."),
        BadCreate("an unknown image", ["imageRef": "44444444-4444-4444-8444-444444444444"], "Can not find requested image"),
        BadCreate("an image that isn't a UUID", ["imageRef": "tiny"], "'tiny' is not a 'uuid'"),
        BadCreate("an image without data", ["imageRef": .string(FakeImages.queued.description)], "is not active"),
        BadCreate(
            "an image larger than the flavor's disk", ["imageRef": .string(FakeImages.large.description)], "disk is too small"),
        BadCreate("an unknown zone", ["availability_zone": "atlantis"], "The requested availability zone is not available"),
        BadCreate("an unknown key", ["key_name": "none"], "Invalid key_name provided."),
        BadCreate("an unknown network", ["networks": [["uuid": "55555555-5555-4555-8555-555555555555"]]], "could not be found"),
        BadCreate("a network that isn't a UUID", ["networks": [["uuid": "a-b"]]], "'a-b' is not a 'uuid'"),
        BadCreate("a word for networks below 2.37", ["networks": "none"], "not of type 'array'"),
        BadCreate("a member nobody knows", ["colour": "red"], "Additional properties"),
        BadCreate("more at least than at most", ["min_count": 3, "max_count": 2], "min_count must be <= max_count"),
        BadCreate("no server at all", ["min_count": 0], "less than the minimum of 1"),
        BadCreate("a false IPv6 address", ["accessIPv6": "notvalid"], "is not a 'ipv6'"),
        BadCreate("metadata of numbers", ["metadata": ["a": 1]], "not of type 'string'"),
        BadCreate("a long metadata value", ["metadata": ["a": .string(String(repeating: "b", count: 260))]], "too long"),
        BadCreate("a NUL in a name", ["name": "one\0"], "NUL"),
        BadCreate("a NUL in a metadata key", ["metadata": ["a\0": "b"]], "NUL"),
        BadCreate(
            "a metadata key of one letter under many accents",
            ["metadata": [String("a" + String(repeating: "\u{301}", count: 50_000)): "b"]], "a key has 1 to 255 characters"),
        BadCreate(
            "more metadata than travels with a server",
            [
                "metadata": .object(
                    JSONObject(
                        (0..<80).reduce(into: JSONObject()) { $0["\($1)"] = .string(String(repeating: "b", count: 255)) }
                            .members))
            ], "16384 bytes"),
        BadCreate("user data that isn't base64", ["user_data": "###"], "base64"),
        BadCreate("another security group", ["security_groups": [["name": "web"]]], "Security group web not found."),
    ]
}
