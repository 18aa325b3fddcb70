import CloudModel
import Testing

@testable import Tokens

@Suite struct PasswordTests {
    let cheap = PasswordHash.Cost(ln: 4, r: 8, p: 1)

    /// RFC 7914, 12.
    @Test(arguments: [
        (
            "", "", PasswordHash.Cost(ln: 4, r: 1, p: 1),
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
        ),
        (
            "password", "NaCl", PasswordHash.Cost(ln: 10, r: 8, p: 16),
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        ),
    ]) func scryptGivesTheVectorsOfTheRFC(_ password: String, _ salt: String, _ cost: PasswordHash.Cost, _ expected: String)
        throws
    {
        #expect(try PasswordHash.derive(password, salt: Array(salt.utf8), cost: cost, count: 64).hex == expected)
    }

    @Test func aHashMadeByPythonMatches() throws {
        let stored = "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$6g3umF+uVrJsObaTZhIbbTlgrvOEFcCItdwSjtPF67M"
        let hash = try #require(PasswordHash(text: stored))
        #expect(hash.text == stored)
        #expect(try hash.matches("correct horse"))
        #expect(try !hash.matches("correct horsf"))
    }

    @Test(arguments: [
        "", "plain", "$scrypt$ln=40,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg", "$scrypt$ln=14,r=8$a$b",
        "$2b$12$abcdefghijklmnopqrstuv", "$scrypt$ln=18,r=16,p=4$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg",
    ]) func whatIsNotABearableHashIsRefused(_ text: String) { #expect(PasswordHash(text: text) == nil) }

    @Test func theHasherChecksAndToleratesMissingUsers() async throws {
        let hasher = try PasswordHasher(threads: 1, cost: cheap)
        let stored = try await hasher.hash("secret")
        #expect(try await hasher.matches("secret", stored: stored))
        #expect(try await !hasher.matches("Secret", stored: stored))
        #expect(try await !hasher.matches("secret", stored: nil))
        #expect(try await !hasher.matches("secret", stored: "rubbish"))
    }

    @Test func tooMuchAtOnceIsRefusedWith503AndTheRestIsServed() async throws {
        let hasher = try PasswordHasher(threads: 1, cost: .init(ln: 12, r: 8, p: 1))
        let results = await withTaskGroup(of: CloudError.Code?.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    do {
                        _ = try await hasher.hash("x")
                        return nil
                    } catch { return (error as? CloudError)?.code ?? .internalError }
                }
            }
            return await group.reduce(into: [CloudError.Code?]()) { $0.append($1) }
        }
        #expect(results.contains(nil))
        #expect(results.allSatisfy { $0 == nil || $0 == .unavailable })
        #expect(results.contains(.unavailable))
    }
}
