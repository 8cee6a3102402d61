import DirectoryStore
import StoreConformance
import Testing

@Suite("A directory store on a plain file system")
struct PlainFileSystemTests {
    @Test("does what every store does", arguments: StoreConformance.cases)
    func conformance(_ conformance: ConformanceCase) async throws {
        let files = try TestFileSystem.plain()
        try await conformance.run(try await DirectoryStore.open(files.path))
    }

    @Test("gives exact deltas for random histories", arguments: 2...4 as ClosedRange<UInt64>)
    func randomHistories(seed: UInt64) async throws {
        let files = try TestFileSystem.plain()
        try await StoreConformance.randomCase(seed: seed).run(try await DirectoryStore.open(files.path))
    }
}

@Suite(
    "A directory store on XFS", .enabled(if: TestFileSystem.xfs != nil, "needs root, loop devices and mkfs.xfs"))
struct XFSTests {
    @Test("does what every store does", arguments: StoreConformance.cases + (2...6).map(StoreConformance.randomCase))
    func conformance(_ conformance: ConformanceCase) async throws {
        let files = try #require(TestFileSystem.xfs)
        try await conformance.run(try await DirectoryStore.open(try files.makeFolder()))
    }
}

@Suite(
    "A directory store on btrfs",
    .enabled(if: TestFileSystem.btrfs != nil, "needs root, loop devices and mkfs.btrfs"))
struct BtrfsTests {
    @Test("does what every store does", arguments: StoreConformance.cases + (2...6).map(StoreConformance.randomCase))
    func conformance(_ conformance: ConformanceCase) async throws {
        let files = try #require(TestFileSystem.btrfs)
        try await conformance.run(try await DirectoryStore.open(try files.makeFolder()))
    }
}
