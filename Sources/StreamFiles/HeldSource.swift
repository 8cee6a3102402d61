import FerryCore
import FoundationEssentials
public import ImageStore
import Planning

/// A source whose snapshots stay while they are read: they are pinned, and looked up again by id after the last read.
///
/// The head is read through a snapshot of its own, because a head that is written to meanwhile is no state that the
/// image ever had.
public struct HeldSource: Sendable {
    /// What the names of snapshots begin with that are made to read a head, and removed afterwards.
    public static let temporaryPrefix = SnapshotName.temporaryPrefix

    /// A diff whose two ends are held.
    public struct Step: Sendable {
        /// The snapshot it starts from; nil for a full diff.
        public let base: Snapshot?
        /// The snapshot it leads to; of the head, if `isHead`.
        public let target: Snapshot
        /// Whether the target stands for the head.
        public let isHead: Bool
    }

    /// The image.
    public let image: any SourceImage
    /// What it is called.
    public let name: String
    /// Its diffs, oldest first.
    public let steps: [Step]
    /// Why some snapshot could not be pinned; nil when all are. Then a deletion is noticed, not prevented.
    public let pinFailure: StoreError?

    private let pinned: [SnapshotIdentity]
    private let temporary: SnapshotIdentity?

    /// Holds what `steps` need as long as `body` runs, also when it is cancelled. Gives what `body` gave, and what could
    /// not be let go of.
    static func with<Result: Sendable>(
        _ steps: [DeltaStep], of image: any SourceImage, name: String, _ body: (HeldSource) async throws -> Result
    ) async throws -> (result: Result, leftBehind: LeftBehind?) {
        if steps.contains(where: { $0.target == nil }) { try await checkHead(of: image, name) }
        let held = try await hold(steps, image, name)
        let result: Result
        do {
            result = try await body(held)
        } catch {
            if let left = await held.release() { throw ExportError.leftBehind(left, after: error.oneLine) }
            throw error
        }
        return (result, await held.release())
    }

    /// Throws when the head is what a sync or an import has applied half of: no state that any image ever had.
    private static func checkHead(of image: any SourceImage, _ name: String) async throws {
        for key in [ImageStateKey.importing, ImageStateKey.checkpoint] where try await image.metadata(key) != nil {
            throw ExportError.unfinishedHead(image: name)
        }
    }

    /// Throws unless both ends of a step are still there: what librbd gave after a deletion was wrong, not an error.
    func recheck(_ step: Step) async throws {
        let present = Set(try await image.snapshots().map(\.identity.id))
        for snapshot in [step.base, step.target].compactMap(\.self) where !present.contains(snapshot.identity.id) {
            throw ExportError.snapshotGone(snapshot.identity, image: name)
        }
    }

    private static func hold(
        _ steps: [DeltaStep], _ image: any SourceImage, _ name: String
    ) async throws -> HeldSource {
        var temporary: Snapshot?
        if steps.contains(where: { $0.target == nil }) { temporary = try await image.createSnapshot(temporaryName()) }
        let held = steps.compactMap { step in
            (step.target ?? temporary).map { Step(base: step.base, target: $0, isHead: step.target == nil) }
        }
        let pins = await Pins(of: steps.flatMap { [$0.base, $0.target].compactMap(\.self) }, image)
        let source = HeldSource(
            image: image, name: name, steps: held, pinFailure: pins.tolerable, pinned: pins.made,
            temporary: temporary?.identity)
        if let failure = pins.failure {
            if let left = await source.release() { throw ExportError.leftBehind(left, after: failure.cause) }
            throw failure
        }
        return source
    }

    /// Pins of several snapshots.
    private struct Pins {
        var made: [SnapshotIdentity] = []
        /// Why some are not pinned, when that is no reason to stop.
        var tolerable: StoreError?
        var failure: StoreError?

        init(of snapshots: [Snapshot], _ image: any SourceImage) async {
            var seen = Set<UInt64>()
            for snapshot in snapshots where failure == nil && seen.insert(snapshot.identity.id).inserted {
                do throws(StoreError) {
                    if try await image.pin(snapshot.identity) { made.append(snapshot.identity) }
                } catch {
                    // An image without layering, or a user who may only read: the look-up by id notices a deletion.
                    let isTolerable = error.reason == .unsupported || error.reason == .notPermitted
                    if isTolerable { tolerable = error } else { failure = error }
                }
            }
        }
    }

    /// Undoes what was done to the source, and gives what could not be undone. Not stopped by a cancellation.
    private func release() async -> LeftBehind? {
        await Task { [image, name, pinned, temporary] in
            var left = LeftBehind(image: name, snapshots: [], cause: "")
            for snapshot in pinned + [temporary].compactMap(\.self) {
                do throws(StoreError) {
                    if snapshot == temporary {
                        try await image.removeSnapshot(snapshot)
                    } else {
                        try await image.unpin(snapshot)
                    }
                } catch {
                    // Somebody has cloned it meanwhile, and so needs the protection.
                    if error.reason == .locked, snapshot != temporary { continue }
                    left.cause = error.cause
                    left.snapshots.append(snapshot.name)
                }
            }
            return left.snapshots.isEmpty ? nil : left
        }.value
    }

    private static func temporaryName() -> String {
        let stem = SnapshotName.own(at: Date(), taken: [])
        let random = String(UInt32.random(in: .min ... .max), radix: 36)
        return "\(temporaryPrefix)\(stem.dropFirst("ferry-".count))-\(random)"
    }
}
