import Conversation
import FerryCore
import ImageStore
import Planning

/// A delta that is opened, and looked through for its size, before the receiver has asked for it: in an image of many
/// terabytes that takes as long as the receiver's own look at its mirror, and goes on at the same time.
///
/// It is from the snapshot that the receiver acknowledged last, which it almost always asks for. Nothing is pinned yet;
/// whether base and target were there all the time is seen, as always, after the last read.
struct EarlyDelta: Sendable {
    /// The base it is from; nil: everything.
    let base: SnapshotIdentity?
    /// The delta; whoever has it closes it.
    let delta: any Delta
    /// Its size, where the store can tell.
    let estimate: UInt64?
}

extension ImageSync {
    /// The delta that will most likely be asked for; nil when none can be told, or it can't be had. What fails here fails
    /// again, and is told, when the delta is needed.
    func openEarly(_ offer: Offer) async -> EarlyDelta? {
        guard offer.mode.usesChangeList, let record = try? await readRecord(),
            record.inFlight?.target != offer.target
        else { return nil }
        if let base = record.acknowledged, !offer.snapshots.contains(base) || Task.isCancelled { return nil }
        let opened = try? await image.openDelta(from: record.acknowledged, to: offer.target, mode: offer.mode)
        guard let delta = opened else { return nil }
        // After a refusal nobody needs it.
        let estimate = Task.isCancelled ? nil : try? await delta.changedByteCountEstimate()
        return EarlyDelta(base: record.acknowledged, delta: delta, estimate: estimate)
    }

    /// The delta of a transfer: the one that was opened early if it is that, else a new one. Its size is asked for only at
    /// the beginning of a transfer.
    func open(
        _ transfer: TransferIdentity, from watermark: UInt64, _ early: EarlyDelta?
    ) async throws -> (delta: any Delta, estimate: UInt64?) {
        if let early {
            if early.base == transfer.base, transfer.mode.usesChangeList {
                return (early.delta, watermark == 0 ? early.estimate : nil)
            }
            await early.delta.close()
        }
        guard transfer.mode.usesChangeList else {
            // For reading: what differs is found otherwise.
            return (try await image.openDelta(from: nil, to: transfer.target, mode: .exact), nil)
        }
        let delta = try await image.openDelta(from: transfer.base, to: transfer.target, mode: transfer.mode)
        guard watermark == 0 else { return (delta, nil) }
        do {
            return (delta, try await delta.changedByteCountEstimate())
        } catch {
            await delta.close()
            throw error
        }
    }
}
