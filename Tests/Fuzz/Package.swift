// swift-tools-version: 6.2
import PackageDescription

// The parts that read what a peer or a file says, built with libFuzzer's coverage and the address sanitizer, and the
// fuzzers that feed them. A package of its own, so that the usual build knows nothing of it; `Product` leads to the
// sources. Tests/fuzz builds and runs it.

let instrumented: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"]),
]

/// A target of the program.
func layer(
    _ name: String, _ dependencies: [Target.Dependency], path: String? = nil, exclude: [String] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: path ?? "Product/\(name)", exclude: exclude,
        swiftSettings: instrumented)
}

let package = Package(
    name: "fuzzers",
    targets: [
        .systemLibrary(name: "COpenSSL", path: "Product/COpenSSL", pkgConfig: "openssl"),
        .systemLibrary(name: "CZstd", path: "Product/CZstd", pkgConfig: "libzstd"),
        .systemLibrary(name: "CLibFuzzer", path: "CLibFuzzer"),
        layer("FerryCore", []),
        layer("DiffStream", ["FerryCore"]),
        layer("Conversation", ["FerryCore"], exclude: ["WIRE.md"]),
        layer("ImageStore", ["FerryCore"]),
        layer("Planning", ["FerryCore"]),
        layer("Compression", ["FerryCore", "CZstd"]),
        layer("OpenSSL", ["FerryCore", "COpenSSL"]),
        // What of the engine needs no connection.
        layer(
            "Engine",
            ["FerryCore", "DiffStream", "Conversation", "Planning", "ImageStore", "Compression", "OpenSSL"],
            path: "Engine"),
        .executableTarget(
            name: "ferry-fuzz",
            dependencies: [
                "CLibFuzzer", "FerryCore", "DiffStream", "Conversation", "Planning", "ImageStore", "Compression",
                "OpenSSL", "Engine",
            ],
            path: "Fuzzers", swiftSettings: instrumented,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    ]
)
