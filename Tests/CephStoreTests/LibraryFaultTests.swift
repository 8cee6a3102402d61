import FerryCore
import ImageStore
import Testing

@testable import CephStore

@Suite("Faults of librbd")
struct LibraryFaultTests {
    @Test(
        "releases are read as Ceph writes them",
        arguments: [
            ("16.2.15", CephRelease(16, 2, 15)), ("18.2.4-12-gabcdef", CephRelease(18, 2, 4)),
            ("19.3.0-dev", CephRelease(19, 3, 0)), ("17.2", nil), ("", nil), ("Development", nil), ("a.b.c", nil),
            ("-1.2.3", nil), ("99999999999999999999.1.1", nil),
        ])
    func reads(_ text: String, _ release: CephRelease?) {
        #expect(CephRelease(text) == release)
    }

    @Test(
        "are known by release and mode",
        arguments: [
            ((16, 2, 15), DiffMode.hybrid, 0), ((16, 2, 14), .hybrid, 1), ((16, 2, 14), .exact, 1),
            ((16, 2, 13), .hybrid, 2), ((16, 2, 7), .hybrid, 3), ((16, 2, 7), .exact, 1), ((16, 2, 7), .compare, 0),
            ((16, 2, 7), .full, 0), ((15, 2, 15), .hybrid, 1), ((15, 2, 17), .hybrid, 0), ((17, 2, 6), .hybrid, 2),
            ((17, 2, 8), .hybrid, 0), ((18, 2, 2), .exact, 1), ((18, 2, 4), .hybrid, 0), ((19, 2, 0), .hybrid, 0),
            ((20, 1, 0), .exact, 0),
        ] as [((Int, Int, Int), DiffMode, Int)])
    func known(_ release: (Int, Int, Int), _ mode: DiffMode, _ count: Int) {
        let found = LibraryFault.warnings(for: CephRelease(release.0, release.1, release.2), mode: mode)
        #expect(found.count == count)
        for warning in found {
            let text = warning.description
            #expect(text.contains("librbd \(release.0).\(release.1).\(release.2)") && text.contains("mended in "))
            #expect(!text.contains("\n"))
        }
    }

    @Test("the libraries of this host tell their release")
    func ofThisHost() throws {
        let release = try #require(CephRelease.ofLibraries)
        #expect(release.major >= 12)
    }
}
