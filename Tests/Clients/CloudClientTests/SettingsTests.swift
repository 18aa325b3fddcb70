import Foundation
import Testing

@testable import CloudClient

@Suite struct SettingsTests {
    private static let clouds = """
        clouds:
          meridian:
            auth: {auth_url: "https://127.0.0.1:5000/v3/", username: demo, password: 0123, project_name: demo}
            region_name: meridian
            cacert: ca.pem
          other:
            auth:
              auth_url: https://other:5000/v3
              user_id: abc
              password: secret
              user_domain_name: People
              project_id: p1
            verify: false
            interface: internal
        """

    /// A home with a working directory, its `clouds.yaml` in the place named.
    private func withHome(
        _ place: String = "project", _ text: String = clouds, secure: String? = nil, variables: [String: String] = [:],
        _ body: (SettingsReader, String) throws -> Void
    ) throws {
        let home = NSTemporaryDirectory() + "/meridian-clouds-\(UUID().uuidString)"
        for directory in ["project", ".config/openstack"] {
            try FileManager.default.createDirectory(atPath: "\(home)/\(directory)", withIntermediateDirectories: true)
        }
        defer { try? FileManager.default.removeItem(atPath: home) }
        try text.write(toFile: "\(home)/\(place)/clouds.yaml", atomically: true, encoding: .utf8)
        try secure?.write(toFile: "\(home)/\(place)/secure.yaml", atomically: true, encoding: .utf8)
        try "pem".write(toFile: "\(home)/\(place)/ca.pem", atomically: true, encoding: .utf8)
        try body(
            SettingsReader(
                environment: variables.merging(["HOME": home]) { given, _ in given }, workingDirectory: "\(home)/project"), home
        )
    }

    @Test func theCloudMeridianIsTakenWhenNothingIsSaid() throws {
        try withHome { reader, home throws in
            let settings = try reader.settings()
            #expect(settings.name == "meridian")
            #expect(settings.authURL == "https://127.0.0.1:5000/v3")
            #expect(settings.region == "meridian")
            #expect(settings.caFile == "\(home)/project/ca.pem")
            #expect(settings.verifiesCertificates)
            #expect(settings.scope == .project(id: nil, name: "demo", domain: .default))
            #expect(
                settings.credentials
                    == .password(user: .init(id: nil, name: "demo", domain: .default), password: "0123"))
        }
    }

    @Test func theFileInTheHomeIsFoundToo() throws {
        try withHome(".config/openstack") { reader, _ throws in #expect(try reader.settings().name == "meridian") }
    }

    @Test func anOptionBeatsAVariableAndAVariableBeatsTheFile() throws {
        try withHome(variables: ["OS_CLOUD": "other", "OS_REGION_NAME": "tunis", "OS_PASSWORD": "from variable"]) {
            reader, _ throws in
            let other = try reader.settings()
            #expect(other.name == "other")
            #expect(other.region == "tunis")
            #expect(other.interface == "internal")
            #expect(!other.verifiesCertificates)
            #expect(
                other.credentials
                    == .password(user: .init(id: "abc", name: nil, domain: .init(name: "People")), password: "from variable"))
            let chosen = try reader.settings(CloudOptions(cloud: "meridian", region: "london"))
            #expect(chosen.name == "meridian")
            #expect(chosen.region == "london")
        }
    }

    @Test func variablesAloneAreACloud() throws {
        let variables = [
            "OS_AUTH_URL": "http://keystone:5000", "OS_TOKEN": "t", "OS_AUTH_TYPE": "token", "OS_PROJECT_NAME": "p",
        ]
        try withHome(variables: variables) { reader, _ throws in
            let settings = try reader.settings()
            #expect(settings.name == "envvars")
            #expect(settings.credentials == .token("t"))
            #expect(settings.authURL == "http://keystone:5000")
        }
    }

    @Test func secretsAreLaidOverTheFile() throws {
        let secure = "clouds: {meridian: {auth: {password: better}}}"
        try withHome(secure: secure) { reader, _ throws in
            guard case .password(_, let password) = try reader.settings().credentials else { return #expect(Bool(false)) }
            #expect(password == "better")
        }
    }

    @Test(arguments: [
        ("absent", "Cloud absent was not found. clouds.yaml has: meridian, other.")
    ])
    func anUnknownCloudIsAnsweredWithTheKnownOnes(_ name: String, _ sentence: String) throws {
        try withHome { reader, _ throws in
            let error = #expect(throws: CloudClientError.self) { try reader.settings(CloudOptions(cloud: name)) }
            #expect(error?.description == sentence)
        }
    }

    @Test(arguments: [
        "clouds: [", "nothing: {}", "clouds: {meridian: {auth: {}}}", "clouds: {meridian: {auth: {auth_url: x}}}",
    ])
    func aBrokenFileIsASentence(_ text: String) throws {
        try withHome("project", text) { reader, _ throws in
            #expect(throws: CloudClientError.self) { try reader.settings() }
        }
    }
}
