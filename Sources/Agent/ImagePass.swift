public import AgentConfiguration
import Conversation
public import Engine
import FerryCore
import SecureTransport
import Synchronization

/// What came of one image and one peer in a pass.
public struct PassOutcome<Value: Sendable>: Sendable {
    /// The image's name.
    public var image: String
    /// The peer's name.
    public var peer: String
    /// What was done; or why not.
    public var result: Result<Value, any Error>
    /// How long it took, the connection included.
    public var duration: Duration
}

/// What a pass is at, for a progress display.
public struct PassActivity: Sendable {
    /// The image.
    public var image: String
    /// Its counts so far.
    public var meter: TransferMeter
}

/// One pass over images and peers: something is done once for each, several at a time, over as few connections as
/// possible.
struct ImagePass<Value: Sendable>: Sendable {
    let configuration: SenderConfiguration
    let environment: RunEnvironment
    /// Images at once.
    let parallelCount: Int
    /// What is noted of an image that was not done with, by the peer's name, and why.
    let onFailure: @Sendable (String, String, any Error) async -> Void
    /// What is done with one image over a session with a peer.
    let work: @Sendable (String, SenderSession, SenderConfiguration.Peer, TransferMeter) async throws -> Value
    private let activity = ActivityBoard()

    /// A pass that does `work`.
    init(
        configuration: SenderConfiguration, environment: RunEnvironment, parallelCount: Int,
        onFailure: @escaping @Sendable (String, String, any Error) async -> Void = { _, _, _ in },
        work: @escaping @Sendable (String, SenderSession, SenderConfiguration.Peer, TransferMeter) async throws -> Value
    ) {
        self.configuration = configuration
        self.environment = environment
        self.parallelCount = parallelCount
        self.onFailure = onFailure
        self.work = work
    }

    /// What is being done now.
    var activities: [PassActivity] { activity.list }

    /// Goes over the images, each with those of the peers that it goes to. `report` hears of each as it ends.
    func run(
        images: [String], peers: [SenderConfiguration.Peer],
        report: @escaping @Sendable (PassOutcome<Value>) -> Void
    ) async -> [PassOutcome<Value>] {
        let keepingLimits = Task { await environment.throttles.keepLimits() }
        defer { keepingLimits.cancel() }
        var outcomes: [PassOutcome<Value>] = []
        for peer in peers {
            let images = images.filter { configuration.sends($0, to: peer) }
            let queue = WorkQueue(images)
            await withTaskGroup(of: [PassOutcome<Value>].self) { group in
                for _ in 0..<min(parallelCount, images.count) {
                    group.addTask { await self.workOff(queue, peer, report) }
                }
                for await part in group { outcomes += part }
            }
            // What a cancelled pass did not come to.
            let missed = OutcomeList(peer: peer.name, report: report)
            missed.closeAll(queue.takeRest(), CancellationError())
            outcomes += missed.list
        }
        await noteFailures(outcomes)
        return outcomes.sorted { ($0.peer, $0.image) < ($1.peer, $1.image) }
    }

    /// Well below what a watch over hanging calls waits for: what is not noted by then, the next pass will note.
    private static var notingTimeMax: Duration { .seconds(60) }

    /// Hands on what failed, when all else is done and told.
    private func noteFailures(_ outcomes: [PassOutcome<Value>]) async {
        let failed = WorkQueue(outcomes.filter { if case .failure = $0.result { true } else { false } })
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await noteFailures(failed) }
            group.addTask { _ = try? await Task.sleep(for: Self.notingTimeMax) }
            // Whichever ends first ends the other.
            await group.next()
            group.cancelAll()
        }
    }

    private func noteFailures(_ failed: WorkQueue<PassOutcome<Value>>) async {
        await withDiscardingTaskGroup { group in
            for _ in 0..<parallelCount {
                group.addTask {
                    while let outcome = failed.take() {
                        guard case .failure(let error) = outcome.result else { continue }
                        await onFailure(outcome.image, outcome.peer, error)
                    }
                }
            }
        }
    }

    /// Takes images from the queue until it is empty, over as few connections as possible.
    private func workOff(
        _ queue: WorkQueue<String>, _ peer: SenderConfiguration.Peer,
        _ report: @escaping @Sendable (PassOutcome<Value>) -> Void
    ) async -> [PassOutcome<Value>] {
        let outcomes = OutcomeList(peer: peer.name, report: report)
        while let image = queue.take() {
            outcomes.open(image)
            do {
                try await workOffSeveral(startingWith: image, queue, peer, outcomes)
            } catch TransportError.cancelled {
                // It was still connecting.
                outcomes.close(.failure(CancellationError()))
            } catch {
                outcomes.close(.failure(error))
            }
        }
        return outcomes.list
    }

    /// Works over one connection until the queue is empty or the connection can't go on.
    private func workOffSeveral(
        startingWith first: String, _ queue: WorkQueue<String>, _ peer: SenderConfiguration.Peer,
        _ outcomes: OutcomeList<Value>
    ) async throws {
        let link: SecureConnection
        do {
            link = try await environment.connect(to: peer)
        } catch  where error != .cancelled {
            // A peer that can't be reached is not tried again for every image.
            outcomes.close(.failure(error))
            return outcomes.closeAll(queue.takeRest(), error)
        }
        try await SenderSession.run(over: link, hello: environment.hello, limits: environment.limits) { session in
            var next: String? = first
            while let image = next {
                if image != first { outcomes.open(image) }
                do {
                    outcomes.close(.success(try await workOn(image, session, peer)))
                } catch let failure as any Failure where failure.leavesSession {
                    outcomes.close(.failure(failure))
                }
                next = queue.take()
            }
        }
    }

    private func workOn(
        _ image: String, _ session: SenderSession, _ peer: SenderConfiguration.Peer
    ) async throws -> Value {
        let meter = TransferMeter()
        activity.begin(image, meter)
        defer { activity.end(image) }
        return try await work(image, session, peer, meter)
    }
}

extension SenderConfiguration {
    /// Whether the rules send an image to a peer.
    public func sends(_ image: String, to peer: Peer) -> Bool {
        settings(for: image).peers.contains(peer.name)
    }
}

extension RunEnvironment {
    /// How we greet a peer.
    var hello: Hello { Hello(agentVersion: AgentVersion.current, site: site) }

    /// Reaches a peer.
    func connect(to peer: SenderConfiguration.Peer) async throws(TransportError) -> SecureConnection {
        try await SecureConnector.connect(
            to: peer.address, serverName: peer.serverName, context: contexts.current, connectTimeout: .seconds(10),
            handshakeTimeout: .seconds(10))
    }
}

extension Failure {
    /// Whether it concerns one image only, and the connection can be used for others.
    fileprivate var leavesSession: Bool {
        self is OfferRefusal || self is LeaseHeldElsewhere || self is SourceIsMirror
    }
}

/// What is still to be done.
private final class WorkQueue<Item: Sendable>: Sendable {
    private let rest: Mutex<ArraySlice<Item>>

    init(_ items: [Item]) {
        rest = Mutex(items[...])
    }

    /// The next one; nil when there is none, or the task is cancelled.
    func take() -> Item? {
        Task.isCancelled ? nil : rest.withLock { $0.popFirst() }
    }

    /// All that are left.
    func takeRest() -> [Item] {
        rest.withLock { rest in
            defer { rest = [] }
            return Array(rest)
        }
    }
}

/// The outcomes of one worker, and the image that it is at.
private final class OutcomeList<Value: Sendable>: Sendable {
    private struct State {
        var list: [PassOutcome<Value>] = []
        var open: (image: String, began: ContinuousClock.Instant)?
    }
    private let state = Mutex(State())
    private let peer: String
    private let report: @Sendable (PassOutcome<Value>) -> Void

    init(peer: String, report: @escaping @Sendable (PassOutcome<Value>) -> Void) {
        self.peer = peer
        self.report = report
    }

    var list: [PassOutcome<Value>] { state.withLock { $0.list } }

    func open(_ image: String) {
        state.withLock { $0.open = (image, .now) }
    }

    /// Notes how the open image ended; nothing when none is open.
    func close(_ result: Result<Value, any Error>) {
        let outcome = state.withLock { state -> PassOutcome<Value>? in
            guard let open = state.open else { return nil }
            let outcome = PassOutcome(
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

    var list: [PassActivity] {
        meters.withLock { $0.sorted { $0.key < $1.key }.map { PassActivity(image: $0.key, meter: $0.value) } }
    }

    func begin(_ image: String, _ meter: TransferMeter) {
        meters.withLock { $0[image] = meter }
    }

    func end(_ image: String) {
        meters.withLock { _ = $0.removeValue(forKey: image) }
    }
}
