import ArgumentParser
import CloudClient

struct TokenIssue: CloudCommand {
    static let configuration = CommandConfiguration(commandName: "issue", abstract: "Log in, and print the token.")
    @OptionGroup var global: GlobalOptions

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let token = try await cloud.authenticated()
        output.record([
            ("ID", .string(token.id)), ("Expires", .string(token.expires)), ("User", .string(token.user)),
            ("User ID", .string(token.userID)),
            ("Project", JSON(token.project)), ("Project ID", JSON(token.projectID)),
            ("Roles", .string(token.roles.joined(separator: ", "))),
        ])
    }
}
