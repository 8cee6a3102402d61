import ArgumentParser
import MemoryStore

/// What keeps a mirror right; each can be made to have nothing to go by, for the simulation to show that it notices.
enum Guard: String, CaseIterable, ExpressibleByArgument {
    /// Ids, not names, tell snapshots and images apart.
    case identity
    /// Base and target are pinned, and looked up again after the last read.
    case pinRecheck = "pin-recheck"
    /// What a checkpoint says was flushed before.
    case flush
    /// Nobody wrote to the mirror.
    case cleanHead = "clean-head"
    /// The receiver took in what the sender sent.
    case totals
    /// Each end reads its own snapshot, and only digests that are equal say so.
    case digests
    /// An alarm is kept until it is over.
    case alarm

    /// What the source's store does wrong.
    var sourceFlaws: MemoryFlaws {
        switch self {
        case .identity: .idsFollowNames
        case .pinRecheck: .pinsLie
        case .flush, .cleanHead, .totals, .digests, .alarm: []
        }
    }

    /// What the mirror's store does wrong.
    var mirrorFlaws: MemoryFlaws {
        switch self {
        case .flush: .flushDoesNothing
        case .cleanHead: .headsLookClean
        case .digests: .damageIsNotRead
        case .alarm: .proofsAreForgotten
        case .identity, .pinRecheck, .totals: []
        }
    }
}
