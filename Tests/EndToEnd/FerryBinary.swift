import Foundation

/// The binary under test.
enum FerryBinary {
    /// What the environment names, or what was built beside the tests.
    static let path = ProcessInfo.processInfo.environment["RBD_FERRY_TEST_BINARY"] ?? debugPath

    /// What was built beside the tests, as they were.
    static let debugPath: String = {
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return tests.deletingLastPathComponent().appendingPathComponent("rbd-ferry").path
    }()
}

extension FerryBinary {
    /// Whether the environment names it: then it is a release build.
    static var isRelease: Bool { ProcessInfo.processInfo.environment["RBD_FERRY_TEST_BINARY"] != nil }
}
