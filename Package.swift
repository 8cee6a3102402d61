// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target: language mode 6, warnings are errors.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A target of ours: it may import only what stands above it in this file.
func layer(
    _ name: String, _ dependencies: [Target.Dependency], path: String? = nil, exclude: [String] = []
) -> Target {
    .target(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: strict)
}

/// The tests of one target, in `Tests/NAMETests`.
func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, resources: resources,
        swiftSettings: strict)
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "rbd-ferry",
    products: [.executable(name: "rbd-ferry", targets: ["rbd-ferry"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CCeph", providers: [.apt(["librbd-dev", "librados-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CLinuxFile"),
        .systemLibrary(name: "CMalloc"),

        layer("FerryCore", []),
        layer("DiffStream", ["FerryCore"]),
        layer("Conversation", ["FerryCore"], exclude: ["WIRE.md"]),
        layer("ImageStore", ["FerryCore"]),
        layer("Planning", ["FerryCore"]),
        layer("Threading", ["FerryCore", nioCore, nioPosix]),
        layer("Pipeline", ["FerryCore", "ImageStore"]),
        layer("DirectoryStore", ["FerryCore", "ImageStore", "Threading", "CLinuxFile"]),
        layer("CephStore", ["FerryCore", "ImageStore", "Threading", "CCeph"]),
        layer("KillPoints", ["FerryCore", "ImageStore", "Planning"]),
        layer("Compression", ["FerryCore", "CZstd"]),
        layer("OpenSSL", ["FerryCore", "COpenSSL"]),
        layer("SecureTransport", ["FerryCore", "OpenSSL", nioCore, nioPosix]),
        layer(
            "Engine",
            [
                "FerryCore", "DiffStream", "Conversation", "Planning", "ImageStore", "Threading", "Pipeline",
                "Compression", "OpenSSL", "SecureTransport", nioCore, logging,
            ]),
        layer(
            "StreamFiles",
            [
                "FerryCore", "DiffStream", "ImageStore", "Planning", "Threading", "Pipeline", "Compression", "OpenSSL",
            ]),
        layer("Systemd", ["FerryCore"]),
        layer("AgentLogging", ["FerryCore", "Systemd", logging]),
        layer("Hooks", ["FerryCore", subprocess]),
        layer("Reporting", ["FerryCore"]),
        layer(
            "Control",
            [
                "FerryCore", "Planning", "SecureTransport", "Reporting", hummingbird, hummingbirdCore, nioCore,
                nioPosix, nioHTTP1, logging,
            ]),
        layer(
            "AgentConfiguration",
            ["FerryCore", "Planning", "OpenSSL", "SecureTransport", "Hooks", yams]),
        layer(
            "Agent",
            [
                "FerryCore", "Conversation", "Planning", "ImageStore", "Pipeline", "CephStore", "DirectoryStore",
                "KillPoints", "Threading", "OpenSSL", "SecureTransport", "Engine", "Systemd", "Hooks", "Reporting",
                "Control", "AgentConfiguration", logging,
            ]),
        .executableTarget(
            name: "rbd-ferry",
            dependencies: [
                "CMalloc", "FerryCore", "DiffStream", "Planning", "ImageStore", "Engine", "StreamFiles", "Systemd",
                "AgentLogging", "Reporting", "Control", "AgentConfiguration", "Agent", "SecureTransport",
                argumentParser,
                logging, unixSignals,
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "benchmark-parts",
            dependencies: [
                "CCeph", "COpenSSL", "CMalloc", "FerryCore", "DiffStream", "Compression", "OpenSSL", "SecureTransport",
                "Threading", "TestCertificates", "TestSupport", nioCore, argumentParser,
            ],
            path: "Benchmarks/Parts", swiftSettings: strict),

        layer("TestSupport", [], path: "Tests/TestSupport"),
        layer("TestCertificates", [], path: "Tests/TestCertificates"),
        layer("MemoryStore", ["FerryCore", "ImageStore"], path: "Tests/MemoryStore"),
        layer("StoreConformance", ["FerryCore", "ImageStore", "TestSupport"], path: "Tests/StoreConformance"),
        .target(name: "CVirtualTime", path: "Tests/CVirtualTime"),
        .executableTarget(
            name: "simulate",
            dependencies: [
                "CVirtualTime", "FerryCore", "Conversation", "Planning", "ImageStore", "Threading", "Pipeline",
                "Compression", "OpenSSL", "SecureTransport", "Engine", "MemoryStore", "TestSupport", nioCore, logging,
                argumentParser,
            ],
            path: "Tests/Simulation", swiftSettings: strict),
        tests("FerryCore", ["TestSupport"]),
        tests("DiffStream", ["FerryCore", "TestSupport"], resources: [.copy("Golden")]),
        tests("Conversation", ["FerryCore", "OpenSSL"], resources: [.copy("Golden")]),
        tests("Planning", ["FerryCore", "TestSupport"]),
        tests("Compression", ["FerryCore", "TestSupport"]),
        tests("OpenSSL", ["FerryCore", "TestCertificates"]),
        tests("Threading", []),
        tests("Pipeline", ["FerryCore", "ImageStore", "TestSupport"]),
        tests(
            "StreamFiles",
            ["FerryCore", "DiffStream", "ImageStore", "Compression", "Threading", "MemoryStore", "TestSupport"]),
        tests("SecureTransport", ["FerryCore", "OpenSSL", "TestCertificates", nioCore, nioPosix, nioEmbedded]),
        tests("MemoryStore", ["FerryCore", "ImageStore", "StoreConformance"]),
        tests("DirectoryStore", ["FerryCore", "ImageStore", "StoreConformance", "TestSupport"]),
        tests("CephStore", ["FerryCore", "ImageStore", "StoreConformance", "CCeph", "TestSupport"]),
        tests(
            "Engine",
            [
                "FerryCore", "DiffStream", "Conversation", "Planning", "ImageStore", "MemoryStore", "TestSupport",
                "Pipeline", "Threading", "Compression", "SecureTransport", nioCore, logging,
            ]),
        tests("Systemd", ["FerryCore"]),
        tests("AgentLogging", [logging]),
        tests("Hooks", ["FerryCore", "TestSupport"]),
        tests("Reporting", ["FerryCore", "TestSupport"]),
        tests("Control", ["FerryCore", "SecureTransport", "Reporting", nioCore, nioPosix, logging]),
        tests(
            "AgentConfiguration",
            ["FerryCore", "Planning", "SecureTransport", "Hooks", "TestSupport", "TestCertificates"]),
        tests(
            "Agent",
            [
                "FerryCore", "Planning", "ImageStore", "Engine", "Conversation", "Threading", "Pipeline",
                "AgentConfiguration", "OpenSSL", "SecureTransport", "Reporting", "MemoryStore", "TestCertificates",
                "TestSupport", logging,
            ]),
        .testTarget(
            name: "EndToEnd",
            dependencies: [
                "FerryCore", "Conversation", "Planning", "ImageStore", "CephStore", "DirectoryStore", "KillPoints",
                "Threading", "OpenSSL", "SecureTransport", "Engine", "Reporting", "Control", "AgentConfiguration",
                "Agent", "TestCertificates", "TestSupport", nioCore, logging,
            ],
            path: "Tests/EndToEnd", exclude: ["write-image", "remove-images", "capture-to-image"], swiftSettings: strict
        ),
    ]
)
