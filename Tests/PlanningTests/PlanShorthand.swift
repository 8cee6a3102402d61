import FerryCore
import Planning

/// `snapshots("a1 b2")` is snapshot `a` with id 1 and `b` with id 2.
func snapshots(_ text: String) -> [SnapshotIdentity] {
    text.split(separator: " ").map { word in
        SnapshotIdentity(id: UInt64(word.drop { !$0.isNumber }) ?? 0, name: String(word.prefix { !$0.isNumber }))
    }
}

let source = ImageIdentity(cluster: "c", pool: 1, image: "i")

/// Pairs `"a1=a7"`: the source's snapshot a (id 1) is the mirror's a (id 7).
func record(_ text: String, source: ImageIdentity = source, isSeeded: Bool? = nil) -> MirrorRecord {
    MirrorRecord(
        source: source, sourceName: "vm",
        published: text.split(separator: " ").map { pair in
            let sides = pair.split(separator: "=").map { snapshots(String($0))[0] }
            return PublishedSnapshot(source: sides[0], mirror: sides[1])
        }, isSeeded: isSeeded)
}

func wanted(
    _ offered: String, _ target: String, mode: DiffMode = .hybrid, lostBase: DiffMode? = nil, maySeed: Bool = false,
    isRepair: Bool = false
) -> WantedTransfer {
    WantedTransfer(
        source: source, snapshots: snapshots(offered), target: snapshots(target)[0], mode: mode,
        lostBaseMode: lostBase, maySeed: maySeed, isRepair: isRepair)
}

func transfer(_ base: String?, _ target: String, mode: DiffMode = .hybrid) -> TransferIdentity {
    TransferIdentity(source: source, base: base.map { snapshots($0)[0] }, target: snapshots(target)[0], mode: mode)
}

func checkpoint(
    _ base: String?, _ target: String, at offset: UInt64, _ phase: Checkpoint.Phase = .applying,
    mode: DiffMode = .hybrid, mirrorName: String? = nil
) -> Checkpoint {
    Checkpoint(
        transfer: transfer(base, target, mode: mode),
        resumePoint: ResumePoint(watermark: offset, contentByteCount: offset),
        phase: phase, snapshotIDMax: phase == .publishing ? 7 : nil, mirrorName: mirrorName)
}

func mirror(
    _ pairs: String?, _ present: String, _ checkpoint: Checkpoint? = nil, isSeeded: Bool? = nil
) -> MirrorState {
    MirrorState(
        record: pairs.map { record($0, isSeeded: isSeeded) }, checkpoint: checkpoint, snapshots: snapshots(present))
}

func refusedLostBase(_ published: [SnapshotIdentity], _ offered: String) -> ReceivePlan {
    .refuse(.lostBase(published: published, offered: snapshots(offered)))
}
