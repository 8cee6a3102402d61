import FerryCore
import ImageStore

/// A fault of released librbd by which its lists of changes lack some: a mirror that was made from them is wrong. Faults
/// that list too much are not here.
struct LibraryFault: Sendable {
    /// What goes wrong.
    let summary: String
    /// Where Ceph's developers wrote about it.
    let source: String
    /// The modes whose lists it spoils.
    let modes: Set<DiffMode>
    /// The first release without it of each major release that had it.
    let mended: [CephRelease]

    /// Whether a release has it; then the first of its line that does not.
    func mended(for release: CephRelease) -> CephRelease? {
        mended.first { $0.major == release.major && release < $0 }
    }

    /// All that are known. The numbers of releases are from Ceph's release notes.
    static let known = [
        LibraryFault(
            summary: "an object map that is copied for a snapshot during writes can miss some of them",
            source: "tracker 61616, PR 52109", modes: [.hybrid],
            mended: [CephRelease(16, 2, 14), CephRelease(17, 2, 7)]),
        LibraryFault(
            summary: "changed objects can be listed at wrong offsets", source: "PR 44547, PR 44548", modes: [.hybrid],
            mended: [CephRelease(15, 2, 16), CephRelease(16, 2, 8)]),
        LibraryFault(
            summary: "a discard that cuts an object short can be left out", source: "tracker 63654, PR 54860",
            modes: [.hybrid, .exact],
            mended: [CephRelease(16, 2, 15), CephRelease(17, 2, 8), CephRelease(18, 2, 4)]),
    ]

    /// Those that a release has and that spoil lists of a mode.
    static func warnings(for release: CephRelease, mode: DiffMode) -> [DiffWarning] {
        known.compactMap { fault in
            guard fault.modes.contains(mode), let mended = fault.mended(for: release) else { return nil }
            return .faultyLibrary(
                release: release.description, fault: fault.summary, source: "Ceph \(fault.source)",
                mendedIn: mended.description)
        }
    }
}
