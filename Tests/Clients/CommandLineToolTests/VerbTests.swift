import ArgumentParser
import CloudClient
import Foundation
import Testing

@testable import CommandLineTool

@Suite struct VerbTests {
    private func run<C: CloudCommand>(
        _ arguments: [String], _: C.Type, on stub: StubCloud, format: OutputFormat = .table,
        observer: CloudSession.Observer? = nil
    ) async throws -> String {
        let printed = Printed()
        try await stub.run { settings in
            let session = CloudSession(settings, observer: observer)
            do {
                guard let command = try MeridianCommand.parseAsRoot(arguments) as? C else {
                    Issue.record("\(arguments) is another verb")
                    return
                }
                try await command.run(in: session, printed.output(format))
            } catch {
                await session.close()
                throw error
            }
            await session.close()
        }
        return printed.text
    }

    private static let id = "11111111-0000-4000-8000-000000000001"
    private static func server(_ id: String, _ name: String, age: Double, _ rest: String) -> String {
        let asOf = Date(timeIntervalSince1970: Date().timeIntervalSince1970 - age)
        let time = asOf.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        return #"{"id": "\#(id)", "name": "\#(name)", "as_of": "\#(time)", \#(rest)}"#
    }

    private static var t1: String {
        server(
            id, "t1", age: 2,
            #""region": "tunis", "host": "compute-1.tunis", "status": "ACTIVE", "task": null, "power": "running", "stale": false"#
        )
    }

    private static var servers: String {
        let l1 = server(
            "11111111-0000-4000-8000-000000000002", "l1", age: 40,
            #""region": "london", "host": null, "status": "BUILD", "task": "scheduling", "power": "none", "stale": true"#)
        return #"{"servers": [\#(t1), \#(l1)], "next": null}"#
    }

    @Test func serverListShowsWhereAndHowFresh() async throws {
        let stub = StubCloud(["GET /meridian/v1/servers": { _ in (200, Self.servers) }])
        let text = try await run(["server", "list"], ServerList.self, on: stub)
        #expect(
            text == """
                +------+--------+-----------------+--------+------------+---------+------------+
                | Name | Region | Host            | Status | Task       | Power   | Fresh      |
                +------+--------+-----------------+--------+------------+---------+------------+
                | t1   | tunis  | compute-1.tunis | ACTIVE |            | running | 2 s ago    |
                | l1   | london |                 | BUILD  | scheduling | none    | stale 40 s |
                +------+--------+-----------------+--------+------------+---------+------------+
                """)
        #expect(stub.requests.last?.token == "token-0")
    }

    @Test func serverListAsJSONIsForPrograms() async throws {
        let stub = StubCloud(["GET /meridian/v1/servers": { _ in (200, Self.servers) }])
        let text = try await run(["server", "list", "--region", "tunis"], ServerList.self, on: stub, format: .json)
        let json = try #require(JSON(Data(text.utf8))?.array)
        #expect(json.count == 1)
        #expect(json[0]["id"]?.string == "11111111-0000-4000-8000-000000000001")
        #expect(json[0]["fresh"]?.string == "2 s ago")
    }

    @Test func aReadIsRepeatedWhileTheCloudIsBusy() async throws {
        let stub = StubCloud(["GET /meridian/v1/servers": { before in before < 2 ? (503, "{}") : (200, Self.servers) }])
        let text = try await run(["server", "list"], ServerList.self, on: stub, format: .value)
        #expect(text.contains("compute-1.tunis"))
        #expect(stub.requests.count { $0.line == "GET /meridian/v1/servers" } == 3)
    }

    @Test func aWriteIsNeverRepeated() async throws {
        let stub = StubCloud([
            "GET /meridian/v1/servers/t1": { _ in (200, #"{"server": \#(Self.t1)}"#) },
            "DELETE /v2.1/servers/\(Self.id)": { _ in (503, #"{"serviceUnavailable": {"message": "busy"}}"#) },
        ])
        await #expect(throws: CloudClientError.self) {
            _ = try await run(["server", "delete", "t1"], ServerDelete.self, on: stub)
        }
        #expect(stub.requests.count { $0.line.hasPrefix("DELETE") } == 1)
    }

    @Test func anExpiredTokenIsRenewedOnce() async throws {
        let stub = StubCloud(["GET /meridian/v1/servers": { before in before == 0 ? (401, "{}") : (200, Self.servers) }])
        _ = try await run(["server", "list"], ServerList.self, on: stub)
        #expect(stub.requests.last?.token == "token-1")
    }

    @Test func debugShowsEveryExchangeWithoutSecrets() async throws {
        let stub = StubCloud(["GET /meridian/v1/servers": { _ in (200, Self.servers) }])
        let (exchanges, seen) = AsyncStream<HTTPExchange>.makeStream()
        _ = try await run(["server", "list"], ServerList.self, on: stub, observer: { seen.yield($0) })
        seen.finish()
        var text = ""
        for await exchange in exchanges { text += exchange.transcript + "\n" }
        #expect(text.contains("> POST http://127.0.0.1:"))
        #expect(text.contains("< HTTP 200"))
        #expect(!text.contains("hush"))
        #expect(!text.contains("token-0"))
    }

    @Test func traceShowsStepsInTheirOrderWithClassicNumbers() async throws {
        let trace = """
            {"verb": "create", "name": "t1", "state": "done", "milliseconds": 3750.0, "steps": [
              {"name": "place.reserve", "classic": [9, 10, 11], "place": "super-scheduler", "after_milliseconds": 250.0, "milliseconds": 2.5},
              {"name": "api.accept", "classic": [6], "place": "api", "after_milliseconds": 0.0, "milliseconds": 4.0, "note": "202"},
              {"name": "host.spawn", "classic": [29], "place": "compute-1.tunis", "after_milliseconds": 1500.0, "milliseconds": 2250.0}]}
            """
        let stub = StubCloud([
            "GET /meridian/v1/servers/t1": { _ in (200, #"{"server": \#(Self.t1)}"#) },
            "GET /meridian/v1/servers/\(Self.id)/trace": { _ in (200, trace) },
        ])
        let text = try await run(["server", "trace", "t1"], ServerTrace.self, on: stub)
        #expect(
            text == """
                +---------------+---------+-----------------+----------+----------+------+
                | Step          | Classic | Place           | Start    | Duration | Note |
                +---------------+---------+-----------------+----------+----------+------+
                | api.accept    | 6       | api             | +0 ms    | 4 ms     | 202  |
                | place.reserve | 9-11    | super-scheduler | +250 ms  | 2.5 ms   |      |
                | host.spawn    | 29      | compute-1.tunis | +1.500 s | 2.250 s  |      |
                +---------------+---------+-----------------+----------+----------+------+
                create of t1: done in 3.750 s
                """)
    }

    @Test func explainSaysWhyNotTheOthers() async throws {
        let ledger = """
            {"attempts": [
              {"cell": "london", "outcome": "noRoom", "hosts": {"considered": 2, "removed": {"memory": 2},
               "examples": [{"host": "compute-1.london", "rule": "memory", "detail": "needs 4096 MiB, 128 free"}], "ranked": []}},
              {"cell": "tunis", "outcome": "reserved", "host": "compute-1.tunis", "weight": 1.5, "hosts": null}]}
            """
        let stub = StubCloud([
            "GET /meridian/v1/servers/\(Self.id)": { _ in (200, #"{"server": \#(Self.t1)}"#) },
            "GET /meridian/v1/servers/\(Self.id)/explain": { _ in (200, ledger) },
        ])
        let text = try await run(["server", "explain", Self.id], ServerExplain.self, on: stub)
        #expect(
            text.contains("| london | no room  |                 |        | 2 hosts considered, 0 fitted; memory removed 2 |"))
        #expect(text.contains("| compute-1.london | removed by memory | needs 4096 MiB, 128 free |"))
        #expect(text.contains("| tunis  | reserved | compute-1.tunis | 1.50"))
    }

    @Test func createSendsIDsAndWaitsForTheEnd() async throws {
        let states = ["BUILD", "BUILD", "ACTIVE"]
        let stub = StubCloud([
            "GET /v2/images?limit=200": { _ in (200, #"{"images": [{"id": "i-1", "name": "tiny"}]}"#) },
            "GET /v2.1/flavors/detail": { _ in (200, #"{"flavors": [{"id": "1", "name": "m1.tiny"}]}"#) },
            "POST /v2.1/servers": { _ in (202, #"{"server": {"id": "s-1", "adminPass": "x"}}"#) },
            "GET /v2.1/servers/s-1": { before in
                (
                    200,
                    #"{"server": {"id": "s-1", "name": "n", "status": "\#(states[min(before, 2)])", "OS-EXT-STS:task_state": null}}"#
                )
            },
        ])
        let text = try await run(
            ["server", "create", "--image", "tiny", "--flavor", "m1.tiny", "--availability-zone", "tunis", "--wait", "n"],
            ServerCreate.self, on: stub)
        #expect(text.contains("ACTIVE"))
        let body = try #require(stub.requests.first { $0.line == "POST /v2.1/servers" }?.body)
        let server = try #require(JSON(Data(body.utf8))?["server"])
        #expect(server["imageRef"]?.string == "i-1")
        #expect(server["flavorRef"]?.string == "1")
        #expect(server["networks"]?.string == "none")
        #expect(server["availability_zone"]?.string == "tunis")
    }

    @Test func waitingForAServerThatFailsEndsWithItsReason() async throws {
        let stub = StubCloud([
            "GET /meridian/v1/servers/l1": { _ in (200, #"{"server": {"id": "s-2", "name": "l1"}}"#) },
            "GET /v2.1/servers/s-2": { _ in
                (200, #"{"server": {"name": "l1", "status": "ERROR", "fault": {"message": "No valid host was found."}}}"#)
            },
        ])
        let error = await #expect(throws: ToolFailure.self) {
            _ = try await run(["server", "wait", "l1"], ServerWait.self, on: stub)
        }
        #expect(error?.status == .endedInError)
        #expect(error?.message == "l1 ended in ERROR: No valid host was found.")
    }

    @Test func cellsAreShownWithRoomToThoseWhoAreToldIt() async throws {
        let told = #"{"name": "tunis", "state": "silent", "zones": ["tunis"], "reason": null"#
        let full =
            #", "hosts": 2, "servers": 1, "free": {"vcpus": 3, "ram": 1408, "disk": 39}, "total": {"vcpus": 4, "ram": 1536, "disk": 40}}"#
        let stub = StubCloud([
            "GET /meridian/v1/cells": { before in (200, #"{"cells": [\#(told)\#(before == 0 ? full : "}")]}"#) }
        ])
        let administrators = try await run(["cell", "list"], CellList.self, on: stub)
        #expect(
            administrators.contains(
                "| Name  | State  | Zones | Hosts | Servers | vCPUs | Memory MiB | Disk GiB | Fresh | Reason |"))
        #expect(
            administrators.contains(
                "| tunis | silent | tunis | 2     | 1       | 1/4   | 128/1536   | 1/40     | stale |        |"))
        let members = try await run(["cell", "list"], CellList.self, on: stub)
        #expect(members.contains("| Name  | State  | Zones | Fresh | Reason |"))
    }

    @Test func driftIsShownFromAllPages() async throws {
        @Sendable func guest(_ server: String, _ name: String) -> String {
            #"{"server": "\#(server)", "host": "compute-1.tunis", "name": \#(name), "epoch": 7, "power": "running", "seen_at": "2026-11-20T21:55:00Z"}"#
        }
        let stub = StubCloud([
            "GET /meridian/v1/cells/tunis/drift?limit=200": { _ in
                (200, #"{"drift": [\#(guest("s-1", #""web""#))], "next": "compute-1.tunis/s-1"}"#)
            },
            "GET /meridian/v1/cells/tunis/drift?limit=200&marker=compute-1.tunis%2Fs-1": { _ in
                (200, #"{"drift": [\#(guest("s-2", "null"))], "next": null}"#)
            },
            "GET /meridian/v1/cells/london/drift?limit=200": { _ in (200, #"{"drift": [], "next": null}"#) },
        ])
        let text = try await run(["cell", "drift", "tunis"], CellDrift.self, on: stub)
        #expect(
            text == """
                +--------+------+-----------------+---------+-------+----------------------+
                | Server | Name | Host            | Power   | Epoch | Seen at              |
                +--------+------+-----------------+---------+-------+----------------------+
                | s-1    | web  | compute-1.tunis | running | 7     | 2026-11-20T21:55:00Z |
                | s-2    |      | compute-1.tunis | running | 7     | 2026-11-20T21:55:00Z |
                +--------+------+-----------------+---------+-------+----------------------+
                """)
        let json = try await run(["cell", "drift", "tunis"], CellDrift.self, on: stub, format: .json)
        let rows = try #require(JSON(Data(json.utf8))?.array)
        #expect(rows.map { $0["server"]?.string } == ["s-1", "s-2"])
        #expect(rows.first?["seen_at"]?.string == "2026-11-20T21:55:00Z")
        #expect(try await run(["cell", "drift", "london"], CellDrift.self, on: stub).contains("Nothing"))
    }

    @Test func eventsGoOnBehindTheCursor() async throws {
        let stub = StubCloud([
            "GET /meridian/v1/events?limit=200&wait=25&after=7": { _ in
                (
                    200,
                    #"{"events": [{"number": 8, "at": "2026-11-20T21:55:00Z", "kind": "server.create.end", "cell": "tunis", "server": "s"}], "cursor": 8}"#
                )
            },
            "GET /meridian/v1/events?limit=200&wait=25&after=8": { _ in
                (
                    200,
                    #"{"events": [{"number": 9, "at": "2026-11-20T21:55:01Z", "kind": "host.down", "payload": {"host": "h"}}], "cursor": 9}"#
                )
            },
        ])
        let text = try await run(["event", "watch", "--after", "7", "--count", "2"], EventWatch.self, on: stub)
        #expect(
            text == """
                8  2026-11-20T21:55:00Z  server.create.end  tunis  s
                9  2026-11-20T21:55:01Z  host.down  -  -  host=h
                """)
    }
}
