import Foundation
import Testing

@testable import CloudClient

@Suite struct ExchangeTests {
    @Test func secretsAreMaskedHoweverDeep() throws {
        let body = """
            {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "demo", "password": "hush"}},
             "token": {"id": "hush"}}}, "server": {"id": "kept", "adminPass": "hush", "user_data": "hush", "list": [{"secret": "hush"}]}}
            """
        let shown = try #require(Masking.body(Data(body.utf8)))
        #expect(!shown.contains("hush"))
        #expect(shown.contains("demo"))
        #expect(shown.contains("kept"))
    }

    @Test func headersThatCarryTokensAreMasked() {
        #expect(Masking.header("X-Auth-Token", "hush") == "***")
        #expect(Masking.header("x-subject-token", "hush") == "***")
        #expect(Masking.header("Accept", "application/json") == "application/json")
    }

    @Test func bodiesThatAreNotJSONAreOnlyMeasured() {
        #expect(Masking.body(Data([0, 1, 2])) == "(3 bytes)")
        #expect(Masking.body(Data()) == nil)
    }

    @Test func theRootOfAnEndpointIsItsHost() {
        #expect(CloudSession.root(of: "https://127.0.0.1:8774/v2.1") == "https://127.0.0.1:8774")
        #expect(
            CloudSession.root(of: "https://127.0.0.1:8774/regions/tunis/v2.1/abc") == "https://127.0.0.1:8774/regions/tunis")
        #expect(CloudSession.root(of: "https://127.0.0.1:8774") == "https://127.0.0.1:8774")
    }

    @Test(arguments: [
        (#"{"error": {"code": 404, "message": "no such"}}"#, "no such"),
        (#"{"itemNotFound": {"code": 404, "message": "no such"}}"#, "no such"),
        ("<html><body><h1>404 Not Found</h1>\n  no &quot;such&quot;<br /></body></html>", "no \"such\""),
    ])
    func everyServicesErrorIsReadAsASentence(_ body: String, _ sentence: String) throws {
        let answer = CloudAnswer(
            status: 404, headers: ["x-openstack-request-id": "req-1"], json: JSON(Data(body.utf8)) ?? .string(body))
        let error = #expect(throws: CloudClientError.self) { try CloudSession.check(answer) }
        #expect(error?.description == "\(sentence) (HTTP 404, request req-1)")
    }

    @Test func aNameMustMeanOneThing() throws {
        let all = [("1", "a"), ("2", "b"), ("3", "b"), ("b2", "1")]
        func find(_ text: String) throws -> String {
            try CloudSession.one(text, among: all, kind: "server", id: { $0.0 }, name: { $0.1 }).0
        }
        #expect(try find("a") == "1")
        #expect(try find("1") == "1")
        #expect(throws: CloudClientError.self) { try find("b") }
        #expect(throws: CloudClientError.self) { try find("c") }
    }
}
