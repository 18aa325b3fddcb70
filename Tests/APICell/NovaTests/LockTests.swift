import APIConventions
import CloudModel
import Database
import HTTPTypes
import Testing

@testable import Nova

@Suite struct LockTests {
    @Test func whatAnAdministratorLockedATenantDoesNotUnlock() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            let path = "/v2.1/servers/\(id)/action"
            #expect(try await cloud.call(.post, path, ["lock": .null], as: "admin").status == 202)
            // A second lock, the owner's, doesn't make it theirs.
            #expect(try await cloud.call(.post, path, ["lock": .null]).status == 202)
            #expect(try await cloud.call(.post, path, ["unlock": .null]).status == 403)
            #expect(try await cloud.show(id, version: "2.9")["locked"] == true)
            #expect(try await cloud.call(.post, path, ["unlock": .null], as: "admin").status == 202)
            #expect(try await cloud.call(.post, path, ["os-stop": .null]).status == 202)
            // An administrator takes a tenant's lock off.
            let other = try await cloud.active("two")
            #expect(try await cloud.call(.post, "/v2.1/servers/\(other)/action", ["lock": .null]).status == 202)
            #expect(try await cloud.call(.post, "/v2.1/servers/\(other)/action", ["unlock": .null], as: "admin").status == 202)
            #expect(try await cloud.show(other, version: "2.9")["locked"] == false)
        }
    }

    @Test func metadataAndTagsStayWhileAServerIsBuiltOrLocked() async throws {
        try await NovaFixture.with { cloud async throws in
            let building = try await cloud.create()
            let locked = try await cloud.active("two", ["metadata": ["a": "b"]])
            #expect(try await cloud.call(.put, "/v2.1/servers/\(locked)/tags/a", version: "2.26").status == 201)
            #expect(try await cloud.call(.post, "/v2.1/servers/\(locked)/action", ["lock": .null]).status == 202)
            let refusals = [
                (building, "Cannot 'update metadata' instance \(building) while it is in vm_state building"),
                (locked, "Instance \(locked) is locked"),
            ]
            for (id, sentence) in refusals {
                let path = "/v2.1/servers/\(id)"
                let refusal = try await cloud.call(.post, "\(path)/metadata", ["metadata": ["a": "c"]])
                #expect(refusal.status == 409)
                #expect(refusal.message == sentence)
                #expect(try await cloud.call(.put, "\(path)/metadata", ["metadata": [:]]).status == 409)
                #expect(try await cloud.call(.put, "\(path)/metadata/a", ["meta": ["a": "c"]]).status == 409)
                #expect(try await cloud.call(.delete, "\(path)/metadata/a").status == 409)
                #expect(try await cloud.call(.put, "\(path)/tags", ["tags": []], version: "2.26").status == 409)
                #expect(try await cloud.call(.put, "\(path)/tags/b", version: "2.26").status == 409)
                #expect(try await cloud.call(.delete, "\(path)/tags/a", version: "2.26").status == 409)
                #expect(try await cloud.call(.delete, "\(path)/tags", version: "2.26").status == 409)
                #expect(try await cloud.call(.get, "\(path)/metadata").status == 200)
            }
            let metadata = "/v2.1/servers/\(locked)/metadata"
            #expect(try await cloud.call(.post, metadata, ["metadata": ["a": "c"]], as: "admin").status == 200)
        }
    }
}
