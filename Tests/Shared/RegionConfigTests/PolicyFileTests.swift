import Foundation
import Testing

@testable import RegionConfig

/// An operator's policy file, as text.
@Suite struct PolicyFileTests {
    private func wrong(_ text: String) -> String? {
        #expect(throws: ConfigurationError.self) { try PolicyFile.parse(text, file: "policy/nova.yaml") }?.description
    }

    @Test func namesAndChecksAreReadAsTheyStand() throws {
        let file = try PolicyFile.parse(
            """
            # Tenants look, and make nothing.
            "os_compute_api:servers:create": "rule:admin_required"
            os_compute_api:servers:show: "role:reader and project_id:%(project_id)s"
            "nobody": "!"
            everybody: ""
            """, file: "policy/nova.yaml")
        #expect(
            file.rules == [
                "os_compute_api:servers:create": "rule:admin_required",
                "os_compute_api:servers:show": "role:reader and project_id:%(project_id)s", "nobody": "!", "everybody": "",
            ])
        #expect(
            file.wrong("nobody", "There is no such rule.").description == "policy/nova.yaml:4: nobody: There is no such rule.")
    }

    @Test func aFolderHasAFileForEachServiceThatHasRulesAndNoOthers() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("policy-\(UUID().uuidString)").path
        #expect(try PolicyFolder.load(folder)[.nova] == nil, "it needn't be there")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, text) in [("nova.yaml", "a: \"@\"\n"), (".nova.yaml.swp", "")] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        let policies = try PolicyFolder.load(folder)
        #expect(policies[.nova]?.rules == ["a": "@"])
        #expect(policies[.glance] == nil)
        try Data().write(to: URL(fileURLWithPath: "\(folder)/nova.yml"))
        let error = #expect(throws: ConfigurationError.self) { try PolicyFolder.load(folder) }
        #expect(
            error?.description
                == "\(folder)/nova.yml: No service reads this; policy files are keystone.yaml, glance.yaml, nova.yaml.")
    }

    @Test func mistakesAreToldWithFileLineAndKey() {
        #expect(
            wrong("a: \"@\"\nb: [[\"role:admin\"], [\"role:member\"]]\n")
                == "policy/nova.yaml:2: b: Text is expected here, in quotes.")
        #expect(wrong("a: \"@\"\nb:\n") == "policy/nova.yaml:2: b: Text is expected here, in quotes.")
        #expect(wrong("a: \"@\"\n\na: \"!\"\n")?.hasSuffix("a: This key stands here twice.") == true)
        #expect(wrong("- a\n") == "policy/nova.yaml:1: The file must hold keys and values.")
        #expect(wrong("a: @\n")?.hasPrefix("policy/nova.yaml:1: This is not YAML: ") == true)
    }

    @Test func anEmptyFileIsOneWithoutRules() throws {
        #expect(try PolicyFile.parse("# nothing yet\n", file: "policy/nova.yaml").rules.isEmpty)
    }

    @Test func aFolderThatCannotBeReadIsNotAnAbsentOne() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("policy-\(UUID().uuidString)").path
        try Data().write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let error = #expect(throws: ConfigurationError.self) { try PolicyFolder.load(path) }
        #expect(error?.file == path)
        #expect(error?.sentence.hasPrefix("The folder can't be read: ") == true)
        #expect(throws: ConfigurationError.self) { try PolicyFolder.load("\(path)/policy") }
    }
}
