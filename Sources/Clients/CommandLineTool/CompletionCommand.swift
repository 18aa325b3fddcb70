import ArgumentParser

/// Prints what a shell needs to complete our verbs and options.
struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Completion for a shell.",
        discussion: "For bash: meridian completion bash > /etc/bash_completion.d/meridian")

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish
    }

    @Argument(help: "bash, zsh or fish.") var shell: Shell

    func run() throws {
        let script: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        print(MeridianCommand.completionScript(for: script))
    }
}
