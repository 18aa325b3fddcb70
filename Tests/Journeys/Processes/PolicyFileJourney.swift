import Foundation
import ProcessFederation
import Testing

extension ProcessJourneys {
    /// An operator's policy files are obeyed by the API process, and one that is wrong keeps it from starting, with the place named.
    @Test func policyFilesAreObeyedAndAWrongOneIsTold() async throws {
        var plan = ProcessFederation.Plan()
        plan.regions = ["tunis"]
        plan.hostsPerRegion = 2
        plan.policies = [
            "nova": """
            # Tenants see availability zones with their hosts.
            "tenants": "role:member"
            "os_compute_api:os-availability-zone:detail": "rule:tenants"
            """,
            "glance": #""publicize_image": "role:member""#,
            "keystone": #""identity:list_projects": "role:member""#,
        ]
        try await ProcessFederation.with(plan) { federation in
            let tenant = try await federation.tenant()
            #expect(try await tenant.call(.compute, "GET", "/v2.1/os-availability-zone/detail").status == 200)
            #expect(try await tenant.call(.identity, "GET", "/v3/projects").status == 200)
            #expect(try await tenant.call(.identity, "GET", "/v3/users").status == 403)
            let image = try await tenant.call(.image, "POST", "/v2/images", #"{"name": "all's", "visibility": "public"}"#)
            #expect(image.status == 201)

            let wrong = "\(federation.folder)/wrong"
            try FileManager.default.copyItem(atPath: "\(federation.folder)/api", toPath: wrong)
            for (service, text, place) in [
                ("nova", "# one\nos_compute_api:servers:shew: '@'\n", ":2: os_compute_api:servers:shew: There is no such rule"),
                ("glance", "delete_image: 'role:'\n", ":1: delete_image: The policy \"role:\" can't be read"),
                ("keystone", "identity:get_user: [[role:admin]]\n", ":1: identity:get_user: Text is expected here"),
            ] {
                let file = "\(wrong)/etc/policy/\(service).yaml"
                let before = try String(contentsOfFile: file, encoding: .utf8)
                try text.write(toFile: file, atomically: true, encoding: .utf8)
                let error = await #expect(throws: ProcessFederationError.self) {
                    try await Programs.run(
                        "meridian-api", ["api", "--etc", "\(wrong)/etc", "--var", "\(wrong)/var"],
                        log: "\(wrong)/\(service).output")
                }
                #expect(error?.description.contains("\(file)\(place)") == true, "\(error?.description ?? "")")
                try before.write(toFile: file, atomically: true, encoding: .utf8)
            }
        }
    }
}
