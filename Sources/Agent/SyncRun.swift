public import AgentConfiguration
import Conversation
public import Engine
import FerryCore
import Foundation
public import ImageStore
public import Logging
import OpenSSL
import SecureTransport
import Synchronization
import Threading

/// What came of one image's sync to one peer.
public struct ImageOutcome: Sendable {
    /// The image's name.
    public var image: String
    /// The peer's name.
    public var peer: String
    /// What was published, in order; or why not.
    public var result: Result<[SyncStepResult], any Error>
    /// How long it took, the connection included.
    public var duration: Duration
}

/// One pass over images: each is synced once to each peer, several at a time.
public struct SyncRun: Sendable {
    /// What is being done, for a progress display.
    public struct Activity: Sendable {
        /// The image.
        public var image: String
        /// Its counts so far.
        public var meter: TransferMeter
    }
    private let configuration: SenderConfiguration
    private let environment: RunEnvironment
    private let snapshot: String?
    private let reconciles: Bool
    private let parallelCount: Int
    private let began = ContinuousClock.now
    private let activity = ActivityBoard()

    /// A pass with this configuration. `snapshot` names one to send instead of a new one; with `reconciles` both ends are
    /// compared where no snapshot is common, whatever the rules say; `parallelCount` images go at once.
    public init(
        configuration: SenderConfiguration, store: any ImageStore, snapshot: String?, reconciles: Bool = false,
        parallelCount: Int, logger: Logger, limits: SessionLimits = SessionLimits()
    ) throws {
        self.configuration = configuration
        self.snapshot = snapshot
        self.reconciles = reconciles
        self.parallelCount = parallelCount
        environment = RunEnvironment(
            store: store, contexts: try ContextSource(configuration.tls, role: .client), leases: ImageLeases(),
            workers: BlockingThreads(count: BlockingThreads.workerCount), site: configuration.site,
            throttles: PeerThrottles(TransferLimits(configuration)), limits: limits, logger: logger, now: { Date() })
    }

    /// What is being done now.
    public var activities: [Activity] { activity.list }

    /// Whether the rules send an image to a peer.
    public func sends(_ image: String, to peer: SenderConfiguration.Peer) -> Bool {
        configuration.settings(for: image).peers.contains(peer.name)
    }

    /// Syncs the images, each to those of the peers that it goes to. `report` hears of each as it ends.
    public func run(
        images: [String], peers: [SenderConfiguration.Peer], report: @escaping @Sendable (ImageOutcome) -> Void
    ) async -> [ImageOutcome] {
        let keepingLimits = Task { await environment.throttles.keepLimits() }
        defer { keepingLimits.cancel() }
        var outcomes: [ImageOutcome] = []
        for peer in peers {
            let images = images.filter { sends($0, to: peer) }
            let queue = WorkQueue(images)
            await withTaskGroup(of: [ImageOutcome].self) { group in
                for _ in 0..<min(parallelCount, images.count) {
                    group.addTask { await self.work(queue, peer, report) }
                }
                for await part in group { outcomes += part }
            }
            // What a cancelled pass did not come to.
            let missed = OutcomeList(peer: peer.name, report: report)
            missed.closeAll(queue.takeRest(), CancellationError())
            outcomes += missed.list
        }
        return outcomes.sorted { ($0.peer, $0.image) < ($1.peer, $1.image) }
    }

    /// Takes images from the queue until it is empty, over as few connections as possible.
    private func work(
        _ queue: WorkQueue, _ peer: SenderConfiguration.Peer, _ report: @escaping @Sendable (ImageOutcome) -> Void
    ) async -> [ImageOutcome] {
        let outcomes = OutcomeList(peer: peer.name, report: report)
        while let image = queue.take() {
            outcomes.open(image)
            do {
                try await syncSeveral(startingWith: image, queue, peer, outcomes)
            } catch TransportError.cancelled {
                // It was still connecting.
                outcomes.close(.failure(CancellationError()))
            } catch {
                outcomes.close(.failure(error))
            }
        }
        return outcomes.list
    }

    /// Syncs images over one connection until the queue is empty or the connection can't go on.
    private func syncSeveral(
        startingWith first: String, _ queue: WorkQueue, _ peer: SenderConfiguration.Peer, _ outcomes: OutcomeList
    ) async throws {
        let link: SecureConnection
        do {
            link = try await SecureConnector.connect(
                to: peer.address, serverName: peer.serverName, context: environment.contexts.current,
                connectTimeout: .seconds(10),
                handshakeTimeout: .seconds(10))
        } catch  where error != .cancelled {
            // A peer that can't be reached is not tried again for every image.
            outcomes.close(.failure(error))
            return outcomes.closeAll(queue.takeRest(), error)
        }
        let hello = Hello(agentVersion: AgentVersion.current, site: configuration.site)
        try await SenderSession.run(over: link, hello: hello, limits: environment.limits) { session in
            var next: String? = first
            while let image = next {
                if image != first { outcomes.open(image) }
                do {
                    outcomes.close(.success(try await sync(image, session, peer)))
                } catch let failure as any Failure where failure.leavesSession {
                    outcomes.close(.failure(failure))
                }
                next = queue.take()
            }
        }
    }

    private func sync(
        _ name: String, _ session: SenderSession, _ peer: SenderConfiguration.Peer
    ) async throws -> [SyncStepResult] {
        let meter = TransferMeter()
        activity.begin(name, meter)
        defer { activity.end(name) }
        let settings = configuration.settings(for: name)
        return try await LeasedImage.with(name, settings: settings, environment: environment) { leased in
            let steps = try await send(leased, session, peer, meter)
            try await pruneAfterwards(leased)
            return steps
        }
    }

    /// Sends a snapshot that was named, or what the image's rule says: without a peer that answers none is made.
    private func send(
        _ leased: LeasedImage, _ session: SenderSession, _ peer: SenderConfiguration.Peer, _ meter: TransferMeter
    ) async throws -> [SyncStepResult] {
        let sync = ImageSync(
            image: leased.image, name: leased.name, session: session,
            settings: SyncSettings(
                peer: peer.name, snapshot: snapshot, mode: leased.settings.mode,
                lostBaseMode: reconciles ? .compare : leased.settings.onLostBase.mode,
                checkpointByteCount: configuration.checkpointByteCount, compression: configuration.compression,
                pacing: environment.throttles.pacing(to: peer.name)),
            workers: environment.workers, meter: meter, now: environment.now,
            makeSnapshot: { try await leased.snapshots.make(on: $0) })
        guard snapshot == nil, leased.settings.snapshots != .own else { return try await sync.run() }
        _ = try await meter.clock.time(.snapshot) { try await leased.takeSnapshotIfNeeded(.asked(began)) }
        return try await sync.run(try await leased.wanted(for: peer.name))
    }

    private func pruneAfterwards(_ leased: LeasedImage) async throws {
        do {
            let result = try await leased.prune(baseSecondsMax: configuration.holdBaseMax.seconds)
            guard !result.removed.isEmpty else { return }
            environment.logger.debug("removed \(result.removed.count) snapshots of \(leased.name)")
        } catch let error as StoreError {
            // The mirror is as it should be.
            environment.logger.warning("old snapshots of \(leased.name) stay: \(error.oneLine)")
        }
    }
}

extension Failure {
    /// Whether it concerns one image only, and the connection can be used for others.
    fileprivate var leavesSession: Bool {
        self is OfferRefusal || self is LeaseHeldElsewhere || self is SourceIsMirror
    }
}

/// The agent's release.
public enum AgentVersion {
    /// As `rbd-ferry --version` prints it.
    public static let current = "0.1.0"
}

private final class WorkQueue: Sendable {
    private let images: Mutex<ArraySlice<String>>

    init(_ images: [String]) {
        self.images = Mutex(images[...])
    }

    /// The next image; nil when there is none, or the task is cancelled.
    func take() -> String? {
        Task.isCancelled ? nil : images.withLock { $0.popFirst() }
    }

    /// All that are left.
    func takeRest() -> [String] {
        images.withLock { images in
            defer { images = [] }
            return Array(images)
        }
    }
}

/// The outcomes of one worker, and the image that it is at.
private final class OutcomeList: Sendable {
    private struct State {
        var list: [ImageOutcome] = []
        var open: (image: String, began: ContinuousClock.Instant)?
    }
    private let state = Mutex(State())
    private let peer: String
    private let report: @Sendable (ImageOutcome) -> Void

    init(peer: String, report: @escaping @Sendable (ImageOutcome) -> Void) {
        self.peer = peer
        self.report = report
    }

    var list: [ImageOutcome] { state.withLock { $0.list } }

    func open(_ image: String) {
        state.withLock { $0.open = (image, .now) }
    }

    /// Notes how the open image ended; nothing when none is open.
    func close(_ result: Result<[SyncStepResult], any Error>) {
        let outcome = state.withLock { state -> ImageOutcome? in
            guard let open = state.open else { return nil }
            let outcome = ImageOutcome(
                image: open.image, peer: peer, result: result, duration: ContinuousClock.now - open.began)
            state.list.append(outcome)
            state.open = nil
            return outcome
        }
        if let outcome { report(outcome) }
    }

    /// Notes that images failed without having been begun.
    func closeAll(_ images: [String], _ error: any Error) {
        for image in images {
            open(image)
            close(.failure(error))
        }
    }
}

private final class ActivityBoard: Sendable {
    private let meters = Mutex<[String: TransferMeter]>([:])

    var list: [SyncRun.Activity] {
        meters.withLock { $0.sorted { $0.key < $1.key }.map { SyncRun.Activity(image: $0.key, meter: $0.value) } }
    }

    func begin(_ image: String, _ meter: TransferMeter) {
        meters.withLock { $0[image] = meter }
    }

    func end(_ image: String) {
        meters.withLock { _ = $0.removeValue(forKey: image) }
    }
}
