import Testing

/// Folder = privilege = program: who may import whom. The arrows of Package.swift keep the build from more; this table keeps Package.swift
/// from more.
@Suite struct ImportTests {
    /// Which of our modules each module may import. What isn't here may import nothing of ours.
    static let arrows: [String: Set<String>] = [
        "CloudModel": [],
        "CellProtocol": ["CloudModel"],
        "Observability": ["CloudModel"],
        "RegionConfig": ["CloudModel"],
        "Messaging": ["CloudModel", "CellProtocol", "Observability", "CZeroMQ"],
        "Database": ["CloudModel", "Observability", "CLibPQ"],
        "Feeds": ["CloudModel", "CellProtocol", "Database", "Observability"],
        "Tokens": ["CloudModel", "COpenSSL"],
        "APIConventions": ["CloudModel", "Tokens", "Observability"],

        "Keystone": ["APIConventions", "CloudModel", "Database", "Tokens", "Observability"],
        "Glance": ["APIConventions", "CloudModel", "Database", "Tokens", "Observability"],
        "ComputeRecords": ["CloudModel", "CellProtocol", "Database", "Feeds", "Tokens"],
        "Nova": ["APIConventions", "CellProtocol", "CloudModel", "ComputeRecords", "Database", "Observability", "Tokens"],
        "SuperScheduler": [
            "CellProtocol", "CloudModel", "ComputeRecords", "Database", "Feeds", "Messaging", "Observability", "RegionConfig",
        ],

        "Scheduler": ["CellProtocol", "CloudModel", "Messaging", "Observability", "RegionConfig"],
        "Conductor": ["CellProtocol", "CloudModel", "Database", "Feeds", "Messaging", "Observability", "RegionConfig"],
        "Gateway": ["APIConventions", "CloudModel", "Observability", "Tokens"],

        "Hypervisors": ["CloudModel", "CellProtocol"],
        "HypervisorLibvirt": ["CellProtocol", "CloudModel", "Hypervisors", "Observability", "CLibvirt"],
        "ComputeAgent": ["CellProtocol", "CloudModel", "Hypervisors", "Messaging", "Observability", "Tokens"],

        "CloudClient": [],
        "CommandLineTool": ["CloudClient", "CloudModel"],
    ]

    /// Which roles a program is made of, beside `Shared` and itself.
    static let roles: [String: Set<String>] = [
        "ProgramKit": [], "meridian": ["Clients"], "meridian-api": ["APICell"], "meridian-cell": ["ChildCell"],
        "meridian-host": ["Host"],
        "meridian-sim": ["Host"],
        // Works on the databases of both, on the machine of each, and asks the API as a client to let a cell in.
        "meridian-manage": ["APICell", "ChildCell", "Clients"],
    ]

    static let folders: [String: String] = Dictionary(
        SourceTree.sources.map { ($0.module, $0.folder) }, uniquingKeysWith: { first, _ in first })

    static func isOurs(_ module: String) -> Bool { folders[module] != nil || clibraries[module] != nil }

    @Test func everyImportIsAnAllowedArrow() {
        for file in SourceTree.sources where !["Programs", "TestKit", "System"].contains(file.folder) {
            let allowed = Self.arrows[file.module]
            #expect(allowed != nil, "\(file.module) is not in the table of arrows")
            for (_, module, line) in file.imports where Self.isOurs(module) {
                #expect(allowed?.contains(module) == true, "\(file.path):\(line): \(file.module) may not import \(module)")
            }
        }
    }

    @Test func rolesMeetInSharedOnly() {
        let roles: Set<String> = ["APICell", "ChildCell", "Host", "Clients"]
        for (module, allowed) in Self.arrows {
            guard let own = Self.folders[module] else { continue }
            for other in allowed {
                guard let folder = Self.folders[other] else { continue }
                #expect(folder == own || folder == "Shared", "\(module) (\(own)) may not import \(other) (\(folder))")
                #expect(!(own == "Shared" && roles.contains(folder)), "Shared knows no role")
            }
        }
    }

    @Test func servicesOfTheAPICellDoNotImportEachOther() {
        let services: Set<String> = ["Keystone", "Glance", "Nova", "SuperScheduler"]
        for service in services {
            #expect(Self.arrows[service]?.isDisjoint(with: services) == true, "\(service)")
        }
    }

    @Test func programsWireTheirOwnRoleOnly() {
        for file in SourceTree.sources where file.folder == "Programs" {
            guard let allowed = Self.roles[file.module] else {
                Issue.record("\(file.module) is not in the table of programs")
                continue
            }
            for (_, module, line) in file.imports {
                guard let folder = Self.folders[module], folder != "Shared", folder != "Programs" else { continue }
                #expect(allowed.contains(folder), "\(file.path):\(line): \(file.module) may not import \(module) of \(folder)")
            }
        }
    }

    @Test func nothingThatRunsInProductionImportsTheTestKit() {
        for file in SourceTree.sources where file.folder != "TestKit" {
            for (_, module, line) in file.imports {
                #expect(Self.folders[module] != "TestKit" && module != "Testing", "\(file.path):\(line)")
            }
        }
    }

    /// C library → the one target that imports it.
    static let clibraries = [
        "CLibPQ": "Database", "CZeroMQ": "Messaging", "COpenSSL": "Tokens", "CLibvirt": "HypervisorLibvirt",
    ]

    @Test func eachCLibraryHasOneTargetAndNeverShows() {
        for file in SourceTree.sources {
            for (access, module, line) in file.imports {
                guard let owner = Self.clibraries[module] else { continue }
                #expect(file.module == owner, "\(file.path):\(line): only \(owner) imports \(module)")
                #expect(
                    access != "public" && access != "package", "\(file.path):\(line): \(module) must not show in an interface")
            }
        }
    }

    private static let declarations: Set<Substring> = ["class", "func", "var", "import"]

    @Test func onlyTheClientLibraryIsPublic() {
        for file in SourceTree.sources where file.module != "CloudClient" {
            for (line, text) in file.code {
                let words = text.split(separator: " ").prefix(2)
                if words.first == "public"
                    || (words.first == "open" && words.last.map { Self.declarations.contains($0) } == true)
                {
                    Issue.record("\(file.path):\(line): use `package`")
                }
            }
        }
    }
}
