import AgentConfiguration
import Engine
import FerryCore
import Foundation
import ImageStore
import Planning

/// A source image that is open and leased, with the rule it is under: what runs of every kind do with it.
struct LeasedImage: Sendable {
    let image: any SourceImage
    let name: String
    let settings: ImageSettings
    let environment: RunEnvironment
    let desk: ImageLeases.Desk
    /// Whether the image is a mirror itself: a receiver makes and removes its snapshots.
    let isMirror: Bool

    /// Opens and leases an image, runs `body`, and lets go of it again. `onWait` is told when a run to another peer has to
    /// be waited for, and when that is over.
    static func with<Result: Sendable>(
        _ name: String, settings: ImageSettings, environment: RunEnvironment,
        onWait: @escaping @Sendable (Bool) -> Void = { _ in },
        _ body: @escaping @Sendable (LeasedImage) async throws -> Result
    ) async throws -> Result {
        let image = try await environment.store.openSource(name)
        do {
            let result = try await environment.leases.hold(image, onWait: onWait) { desk in
                let isMirror = try await image.metadata(ImageStateKey.mirror) != nil
                if isMirror, settings.snapshots == .own { throw SourceIsMirror(image: name) }
                return try await body(
                    LeasedImage(
                        image: image, name: name, settings: settings, environment: environment, desk: desk,
                        isMirror: isMirror))
            }
            await image.close()
            return result
        } catch {
            await image.close()
            throw error
        }
    }

    /// Makes snapshots as the rule says.
    var snapshots: SnapshotTaking {
        SnapshotTaking(image: name, settings: settings, logger: environment.logger, now: environment.now)
    }

    private var targets: RunTargets { RunTargets(settings) }

    /// Makes the snapshot that a run needs, unless a run to another peer just made it.
    /// True when it made one.
    func takeSnapshotIfNeeded(_ wish: LaneWish) async throws -> Bool {
        guard !isMirror, settings.snapshots.includesOwn else { return false }
        return try await desk.exclusively {
            let present = try await image.snapshots().map(\.identity)
            let isNeeded =
                switch wish {
                case .due(let due): targets.needsSnapshot(dueAt: due, snapshots: present, now: environment.now())
                case .asked(let instant): (desk.snapshotBegunAt ?? instant - .seconds(1)) < instant
                }
            guard isNeeded else { return false }
            let began = ContinuousClock.now
            _ = try await snapshots.make(on: image)
            // Not before it is made: who waits for their turn must not take a failure for a snapshot.
            desk.snapshotBegunAt = began
            return true
        }
    }

    /// What has to be sent to a peer.
    func wanted(for peer: String) async throws -> [RunTarget] {
        let record = try await image.state(SenderRecord.self, ImageStateKey.peer(peer)) ?? SenderRecord()
        return targets.decide(
            snapshots: try await image.snapshots().map(\.retained), record: record, now: environment.now())
    }

    /// What operators should know about the changes that are listed for a peer.
    func diffWarnings(for peer: String) async throws -> [DiffWarning] {
        let record = try await image.state(SenderRecord.self, ImageStateKey.peer(peer))
        return try await image.diffWarnings(mode: settings.mode, since: record?.acknowledged)
    }

    /// Removes what retention has no use for.
    func prune(baseSecondsMax: Int64) async throws -> SourcePruning.Result {
        guard !isMirror else { return SourcePruning.Result() }
        return try await desk.exclusively {
            try await SourcePruning(
                image: image, keep: settings.keep, peers: Set(settings.peers), baseSecondsMax: baseSecondsMax,
                now: environment.now()
            ).run()
        }
    }

    /// Notes with the image how a run ended that was to bring `peer` up to date; a nil `error`: well. Returns since when
    /// runs fail; nil when they don't, or this one says nothing about the peer. What is in the way is only told to the
    /// log: how the run itself ended matters more, and the next one notes it.
    @discardableResult
    func noteRunEnd(to peer: String, error: (any Error)? = nil) async -> Date? {
        guard !Task.isCancelled, error?.isVainTry ?? true else { return nil }
        do {
            return try await desk.exclusively {
                try await image.noteRunEnd(to: peer, failed: error != nil, now: environment.now())
            }
        } catch is CancellationError {
            return nil
        } catch {
            environment.logger.warning("\(name): how the run to \(peer) ended can't be noted: \(error.oneLine)")
            return nil
        }
    }
}

extension RunTargets {
    /// As a rule says.
    init(_ settings: ImageSettings) {
        self.init(selection: settings.snapshots, catchUp: settings.catchUp, keep: settings.keep)
    }
}

/// Why a run goes.
enum LaneWish: Sendable {
    /// The schedule's newest due time that nothing was done for; nil: a look at what there is.
    case due(Date?)
    /// Someone asked, at this moment: the state from then on is wanted.
    case asked(ContinuousClock.Instant)
}

/// An image that is a mirror is told to be snapshotted.
struct SourceIsMirror: Failure {
    let image: String

    var disposition: Disposition { .refused }
    var cause: String { "\(image) is a mirror: a snapshot of its head could hold half of a transfer" }
    var remedy: String {
        "write `snapshots: all` in its rule to pass on the snapshots that are published there; if it is no mirror any "
            + "more, remove \(ImageStateKey.mirror) from its metadata"
    }
}
