// swift-tools-version: 6.2
import PackageDescription

// Read this file as a map: folder = privilege = program = Ansible role (docs/architecture.md).
// Roles never import each other; they meet in Shared. Tests/Habits holds these arrows.

// MARK: - How a target is written here

/// What every target of ours is compiled with.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// A library of ours: `Sources/<folder>/<name>`.
func module(_ name: String, in folder: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(folder)/\(name)", swiftSettings: house)
}

/// A program: wiring, nothing else.
func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies + [.arguments, .log, .lifecycle, .signals], path: "Sources/Programs/\(name)",
        swiftSettings: house)
}

/// A C library, found by pkg-config and installed as a Debian package.
func system(_ name: String, pkgConfig: String, debian package: String) -> Target {
    .systemLibrary(name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

/// Tests stand in the same folders as what they test.
func tests(of name: String, in folder: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies,
        path: "Tests/\(folder)/\(name)Tests", swiftSettings: house)
}

/// Tests that belong to no single module: journeys, habits, regressions.
func suite(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: house)
}

extension Target.Dependency {
    static let arguments: Self = .product(name: "ArgumentParser", package: "swift-argument-parser")
    static let log: Self = .product(name: "Logging", package: "swift-log")
    static let lifecycle: Self = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let signals: Self = .product(name: "UnixSignals", package: "swift-service-lifecycle")
    static let http: Self = .product(name: "Hummingbird", package: "hummingbird")
    static let httpTLS: Self = .product(name: "HummingbirdTLS", package: "hummingbird")
    static let httpTesting: Self = .product(name: "HummingbirdTesting", package: "hummingbird")
    static let httpTypes: Self = .product(name: "HTTPTypes", package: "swift-http-types")
    static let httpClient: Self = .product(name: "AsyncHTTPClient", package: "async-http-client")
    static let nioCore: Self = .product(name: "NIOCore", package: "swift-nio")
    static let nioPosix: Self = .product(name: "NIOPosix", package: "swift-nio")
    static let nioHTTP1: Self = .product(name: "NIOHTTP1", package: "swift-nio")
    static let nioSSL: Self = .product(name: "NIOSSL", package: "swift-nio-ssl")
    static let nioFileSystem: Self = .product(name: "_NIOFileSystem", package: "swift-nio")
    static let yaml: Self = .product(name: "Yams", package: "Yams")
}

// MARK: - The targets

let system: [Target] = [
    system("CLibPQ", pkgConfig: "libpq", debian: "libpq-dev"),
    system("CZeroMQ", pkgConfig: "libzmq", debian: "libzmq3-dev"),
    system("COpenSSL", pkgConfig: "libcrypto", debian: "libssl-dev"),
    system("CLibvirt", pkgConfig: "libvirt", debian: "libvirt-dev"),
]

let shared: [Target] = [
    module("CloudModel", in: "Shared"),
    module("CellProtocol", in: "Shared", ["CloudModel"]),
    module("Observability", in: "Shared", ["CloudModel", .log, .lifecycle, .nioCore, .nioPosix, .nioHTTP1]),
    module("RegionConfig", in: "Shared", ["CloudModel", .yaml]),
    module("Messaging", in: "Shared", ["CloudModel", "CellProtocol", "Observability", "CZeroMQ", .log, .lifecycle]),
    module("Database", in: "Shared", ["CloudModel", "Observability", "CLibPQ", .log, .lifecycle]),
    module("Feeds", in: "Shared", ["CloudModel", "CellProtocol", "Database", "Observability", .log, .lifecycle]),
    module("Tokens", in: "Shared", ["CloudModel", "COpenSSL"]),
    module(
        "APIConventions", in: "Shared",
        ["CloudModel", "Tokens", "Observability", .http, .httpTLS, .httpTypes, .nioCore, .nioHTTP1, .nioSSL, .log, .lifecycle]),
]

let apiCell: [Target] = [
    module(
        "Keystone", in: "APICell",
        ["APIConventions", "CloudModel", "Database", "Tokens", "Observability", .http, .httpTypes, .log, .lifecycle]),
    module(
        "Glance", in: "APICell",
        [
            "APIConventions", "CloudModel", "Database", "Tokens", "Observability", .http, .httpTypes, .nioCore, .nioFileSystem,
            .log, .lifecycle,
        ]),
    module("ComputeRecords", in: "APICell", ["CloudModel", "CellProtocol", "Database", "Feeds", "Tokens"]),
    module(
        "Nova", in: "APICell",
        [
            "APIConventions", "CellProtocol", "CloudModel", "ComputeRecords", "Database", "Observability", "Tokens", .http,
            .httpTypes,
            .log,
        ]),
    module(
        "SuperScheduler", in: "APICell",
        [
            "CellProtocol", "CloudModel", "ComputeRecords", "Database", "Feeds", "Messaging", "Observability", "RegionConfig",
            .log, .lifecycle,
        ]),
]

let childCell: [Target] = [
    module(
        "Scheduler", in: "ChildCell",
        ["CellProtocol", "CloudModel", "Messaging", "Observability", "RegionConfig", .log, .lifecycle]),
    module(
        "Conductor", in: "ChildCell",
        ["CellProtocol", "CloudModel", "Database", "Feeds", "Messaging", "Observability", "RegionConfig", .log, .lifecycle]),
    module(
        "Gateway", in: "ChildCell",
        [
            "APIConventions", "CloudModel", "Observability", "Tokens", .http, .httpTypes, .httpClient, .nioCore, .nioHTTP1,
            .nioPosix, .nioSSL, .log, .lifecycle,
        ]),
]

let host: [Target] = [
    module("Hypervisors", in: "Host", ["CloudModel", "CellProtocol"]),
    module("HypervisorLibvirt", in: "Host", ["CellProtocol", "CloudModel", "Hypervisors", "Observability", "CLibvirt", .log]),
    module(
        "ComputeAgent", in: "Host",
        [
            "CellProtocol", "CloudModel", "Hypervisors", "Messaging", "Observability", "Tokens", .httpClient, .nioCore,
            .nioHTTP1, .nioSSL, .log, .lifecycle,
        ]),
]

let clients: [Target] = [
    module("CloudClient", in: "Clients", [.httpClient, .nioCore, .nioHTTP1, .nioPosix, .nioSSL, .yaml]),
    module("CommandLineTool", in: "Clients", ["CloudClient", "CloudModel", .arguments]),
]

let testKit: [Target] = [
    module(
        "CellSimulator", in: "TestKit",
        [
            "CellProtocol", "CloudModel", "CloudTestKit", "ComputeAgent", "ComputeRecords", "Conductor", "Database",
            "Hypervisors",
            "Messaging", "RegionConfig", "Scheduler", "SuperScheduler", .log,
        ]),
    .systemLibrary(name: "CSpawn", path: "Sources/TestKit/CSpawn"),
    module(
        "CloudTestKit", in: "TestKit",
        ["CSpawn", "CellProtocol", "CloudModel", "Database", "Messaging", .nioCore, .nioPosix, .httpClient, .nioSSL, .log]),
    module(
        "ProcessFederation", in: "TestKit",
        ["CellProtocol", "CloudModel", "CloudTestKit", "Database", "Hypervisors", "Messaging"]),
]

let programs: [Target] = [
    module(
        "ProgramKit", in: "Programs", ["CloudModel", "Observability", "RegionConfig", .arguments, .log, .lifecycle, .signals]),
    program("meridian", ["CommandLineTool"]),
    program(
        "meridian-api",
        [
            "APIConventions", "CellProtocol", "CloudModel", "ComputeRecords", "Database", "Glance", "Keystone", "Messaging",
            "Nova", "Observability", "ProgramKit", "RegionConfig", "SuperScheduler", "Tokens", .http,
        ]),
    program(
        "meridian-cell",
        [
            "APIConventions", "CellProtocol", "CloudModel", "Conductor", "Database", "Gateway", "Messaging", "Observability",
            "ProgramKit", "RegionConfig", "Scheduler",
        ]),
    program(
        "meridian-host",
        [
            "CellProtocol", "CloudModel", "ComputeAgent", "HypervisorLibvirt", "Hypervisors", "Messaging", "Observability",
            "ProgramKit",
            "RegionConfig", "Tokens",
        ]),
    program(
        "meridian-sim",
        [
            "CellProtocol", "CloudModel", "ComputeAgent", "Hypervisors", "Messaging", "Observability", "ProgramKit",
            "RegionConfig",
        ]),
    program(
        "meridian-manage",
        [
            "APIConventions", "CellProtocol", "CloudClient", "CloudModel", "ComputeRecords", "Conductor", "Database", "Glance",
            "Keystone", "Messaging", "Nova", "Observability", "ProgramKit", "RegionConfig", "Tokens",
        ]),
]

let testTargets: [Target] = [
    tests(of: "CloudTestKit", in: "TestKit"),
    tests(of: "CloudClient", in: "Clients"),
    tests(of: "CommandLineTool", in: "Clients", ["CloudClient", .arguments, .http, .httpTypes, .log, .nioCore]),
    // Its processes are the programs that a build puts beside the tests.
    suite(
        "Journeys",
        [
            "CellProtocol", "CellSimulator", "CloudModel", "CloudTestKit", "Database", "Hypervisors", "Messaging",
            "ProcessFederation", "Tokens",
        ]),
    tests(
        of: "Glance", in: "APICell",
        ["APIConventions", "CloudModel", "CloudTestKit", "Database", "Tokens", .http, .httpTesting, .httpTypes, .log, .nioCore]),
    tests(of: "CloudModel", in: "Shared"),
    tests(of: "CellProtocol", in: "Shared", ["CloudModel"]),
    tests(of: "Database", in: "Shared", ["CloudModel", "CloudTestKit", .lifecycle, .log]),
    tests(of: "Feeds", in: "Shared", ["CellProtocol", "CloudModel", "CloudTestKit", "Database"]),
    tests(of: "Messaging", in: "Shared", ["CellProtocol", "CloudModel", "CZeroMQ", .log]),
    tests(of: "RegionConfig", in: "Shared", ["CloudModel"]),
    tests(of: "Observability", in: "Shared", [.log, .lifecycle, .nioCore, .nioPosix]),
    tests(of: "Tokens", in: "Shared", ["CloudModel"]),
    tests(
        of: "Keystone", in: "APICell",
        ["APIConventions", "CloudModel", "CloudTestKit", "Database", "Tokens", .http, .httpTesting, .httpTypes, .nioCore, .log]),
    tests(of: "APIConventions", in: "Shared", ["CloudModel", .http, .httpTesting, .httpTypes, .nioCore, .log]),
    tests(of: "Hypervisors", in: "Host", ["CellProtocol", "CloudModel"]),
    tests(
        of: "HypervisorLibvirt", in: "Host",
        ["CellProtocol", "CloudModel", "CloudTestKit", "ComputeAgent", "Hypervisors", "Messaging", "Tokens", .log, .nioCore]),
    tests(
        of: "ComputeAgent", in: "Host",
        ["CellProtocol", "CloudModel", "Hypervisors", "Messaging", "Tokens", .log, .nioCore, .nioHTTP1, .nioPosix]),
    tests(
        of: "Nova", in: "APICell",
        [
            "APIConventions", "CellProtocol", "CloudModel", "CloudTestKit", "ComputeRecords", "Database", .http, .httpTesting,
            .httpTypes, .nioCore, .log,
        ]),
    tests(
        of: "SuperScheduler", in: "APICell",
        ["CellProtocol", "CloudModel", "CloudTestKit", "ComputeRecords", "Database", "Messaging", .log]),
    tests(of: "Scheduler", in: "ChildCell", ["CellProtocol", "CloudModel", "Messaging", "RegionConfig", .log]),
    tests(
        of: "Conductor", in: "ChildCell", ["CellProtocol", "CloudModel", "CloudTestKit", "Database", "RegionConfig", .log]),
    tests(
        of: "Gateway", in: "ChildCell",
        [
            "APIConventions", "CloudModel", "Observability", "Tokens", .http, .httpClient, .httpTypes, .lifecycle, .nioCore,
            .nioHTTP1, .log,
        ]),
    // Reads the sources themselves.
    suite("Habits"),
]

let package = Package(
    name: "meridian",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: system + shared + apiCell + childCell + host + clients + testKit + programs + testTargets
)
