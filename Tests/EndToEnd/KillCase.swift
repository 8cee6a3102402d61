#if DEBUG
import KillPoints

/// A kill point, and the transfers in which a process dies there.
struct KillCase: Sendable {
    /// What is being done when a process dies.
    enum Phase: String, Sendable {
        case firstCopy = "first copy"
        case increment = "increment"
        /// A first copy whose predecessor was cut, and whose snapshot is gone.
        case newFirstCopy = "first copy after a lost one"
        /// An increment whose predecessor was cut, and whose snapshot is gone.
        case newIncrement = "increment after a lost one"
        /// A proof of the newest snapshot.
        case proof = "proof"
        /// A repair of the newest snapshot, which differs.
        case repair = "repair"

        var isIncrement: Bool { self == .increment || self == .newIncrement }
        var isProof: Bool { self == .proof || self == .repair }
        var followsLostOne: Bool { self == .newFirstCopy || self == .newIncrement }
    }

    let point: KillPoint
    /// Dies when the point is reached for so many times.
    var occurrence = 1
    let phases: [Phase]

    /// As the environment names it.
    var name: String { occurrence == 1 ? point.rawValue : "\(point.rawValue):\(occurrence)" }
    var isSender: Bool { point.rawValue.hasPrefix("sender.") }

    /// Every point; one that is forgotten here does not compile.
    static var all: [KillCase] { KillPoint.allCases.flatMap(cases) }

    private static func cases(_ point: KillPoint) -> [KillCase] {
        let both = KillCase(point: point, phases: [.firstCopy, .increment])
        let also = KillCase(point: point, phases: [.repair])
        switch point {
        case .senderProofStored, .receiverProofStored:
            // The first of a repair raises the alarm, the last one ends it.
            return [
                KillCase(point: point, phases: [.proof, .repair]),
                KillCase(point: point, occurrence: 2, phases: [.repair]),
            ]
        case .senderLeased, .senderSnapshotMade, .senderStateWritten, .senderRechecked,
            .senderAcknowledgementStored, .senderUnpinningStored:
            return [both]
        case .senderCommittedCame:
            return [both, also]
        case .senderPinned, .senderUnpinned:
            // A first copy has one pin, an increment has two.
            return [both, KillCase(point: point, occurrence: 2, phases: [.increment])]
        case .senderBlockRead, .receiverApplied:
            return [both, KillCase(point: point, occurrence: 4, phases: [.firstCopy, .increment])]
        case .receiverLocked, .receiverTransferBegun, .receiverCheckpointRemoved, .receiverCommitSent:
            return [both]
        case .receiverPublishingStored, .receiverSnapshotMade, .receiverPublicationRecorded:
            return [both, also]
        case .receiverFlushed, .receiverCheckpointStored:
            return [both, KillCase(point: point, occurrence: 2, phases: [.increment])]
        case .receiverImageCreated, .receiverRecordWritten:
            return [KillCase(point: point, phases: [.firstCopy])]
        case .receiverHeadDistrusted:
            return [KillCase(point: point, phases: [.newFirstCopy, .newIncrement])]
        case .receiverWiped:
            return [KillCase(point: point, phases: [.newFirstCopy])]
        case .receiverRolledBack:
            return [KillCase(point: point, phases: [.newIncrement])]
        case .senderPruned, .receiverPruned, .receiverHeadResized:
            return [KillCase(point: point, phases: [.increment])]
        }
    }
}
#endif
