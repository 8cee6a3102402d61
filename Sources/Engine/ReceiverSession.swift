import Compression
public import Conversation
import FerryCore
public import FoundationEssentials
public import ImageStore
public import Logging
import NIOCore
import OpenSSL
import Planning
import SecureTransport
import Synchronization
public import Threading

/// What all of a receiver's sessions share.
public struct ReceiverEnvironment: Sendable {
    /// Where the mirrors live.
    public var store: any ImageStore
    /// Who may write what.
    public var policy: ClientPolicy
    /// Which mirrors are being worked on.
    public var claims: MirrorClaims
    /// What the clients take.
    public var usage: ClientUsage
    /// Our greeting.
    public var hello: Hello
    /// How long is waited for what.
    public var limits: SessionLimits
    /// Time between checkpoints, at most, while data comes.
    public var checkpointInterval: Duration
    /// Threads for inflation and digests.
    public var workers: BlockingThreads
    /// Where events are told.
    public var logger: Logger
    /// Hears of what happens. Must not block.
    public var observe: @Sendable (ReceiverEvent) -> Void
    /// The time, for retention.
    public var now: @Sendable () -> Date

    /// An environment from its parts; by default a checkpoint every 5 s. All sessions of one store share `claims`
    /// and `usage`.
    public init(
        store: any ImageStore, policy: ClientPolicy, claims: MirrorClaims = MirrorClaims(),
        usage: ClientUsage = ClientUsage(), hello: Hello,
        limits: SessionLimits = SessionLimits(), checkpointInterval: Duration = .seconds(5),
        workers: BlockingThreads, logger: Logger, observe: @escaping @Sendable (ReceiverEvent) -> Void = { _ in },
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.store = store
        self.policy = policy
        self.claims = claims
        self.usage = usage
        self.observe = observe
        self.now = now
        self.hello = hello
        self.limits = limits
        self.checkpointInterval = checkpointInterval
        self.workers = workers
        self.logger = logger
    }
}

/// The receiver's end of one connection.
public final class ReceiverSession: Sendable {
    private let link: any Link
    let environment: ReceiverEnvironment
    private let reader: RecordReader
    let writer: RecordWriter
    let machine: Mutex<ReceiverMachine>
    let logger: Logger

    private init(link: any Link, environment: ReceiverEnvironment) {
        self.link = link
        self.environment = environment
        machine = Mutex(ReceiverMachine(versions: environment.hello.versions))
        reader = RecordReader(link: link)
        writer = RecordWriter(link: link)
        var logger = environment.logger
        logger[metadataKey: "peer"] = "\(link.peerAddress)"
        logger[metadataKey: "identity"] = "\(link.peerIdentities.joined(separator: ","))"
        self.logger = logger
    }

    /// Serves a connection until the peer ends it. An error is told to the peer and to the log.
    public static func run(over link: any Link, environment: ReceiverEnvironment) async {
        let session = ReceiverSession(link: link, environment: environment)
        do {
            try await session.serveWithHeartbeat()
            await link.close()
        } catch {
            await session.end(because: error)
        }
    }

    /// Tells the peer that no room is left for it, and ends the connection.
    public static func turnAway(_ link: any Link, connectionCountMax: Int, environment: ReceiverEnvironment) async {
        let session = ReceiverSession(link: link, environment: environment)
        // A sender that does not read this is not worth more than the few seconds until the connection is closed.
        try? await session.writer.sendBanner()
        await session.end(because: QuotaError.receiverFull(limit: connectionCountMax))
    }

    private func serveWithHeartbeat() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.serve()
                return true
            }
            group.addTask {
                do {
                    let limits = self.environment.limits
                    try await Heartbeat(reader: self.reader, writer: self.writer, limits: limits).run {
                        // Blocks wait for their progress to be told: a peer that does not read must not hold them.
                        guard self.writer.waitingTime > limits.peerSilenceMax else { return }
                        throw EngineError.peerSilent(seconds: limits.peerSilenceMax.components.seconds)
                    }
                } catch let error as EngineError {
                    // The server may be waiting for its cluster; a peer that is gone is told nothing.
                    self.link.abort()
                    throw error
                }
                return false
            }
            defer { group.cancelAll() }
            while let isServed = try await group.next(), !isServed {}
        }
    }

    private func end(because error: any Error) async {
        switch error {
        case is CancellationError:
            link.abort()
        case let fault as PeerFault:
            logger.warning("the sender ended the transfer: \(fault.cause)")
            await link.close()
        case let failure as any Failure where !failure.isConnectionLoss:
            logger.error("\(failure.cause)", metadata: ["remedy": "\(failure.remedy)"])
            try? await writer.send(.fault(PeerFault(failure)))
            await link.close()
        default:
            logger.warning("connection lost: \((error as? any Failure)?.cause ?? "\(error)")")
            link.abort()
        }
    }

    private func serve() async throws {
        try await writer.sendBanner()
        try await writer.send(.hello(environment.hello))
        let rule = try environment.policy.rule(for: link.peerIdentities)
        try environment.usage.enter(rule)
        defer { environment.usage.leave(rule) }
        let greeting = try await withDeadline(environment.limits.greetingMax, phase: "the sender's greeting") {
            try await self.nextEvent()
        }
        guard case .ready(let hello)? = greeting else { try throwEnd(greeting) }
        environment.observe(.connected(client: rule.identity))
        defer { environment.observe(.disconnected(client: rule.identity)) }
        logger.debug("site \(hello.site.printable), agent \(hello.agentVersion.printable)")
        // A connection that is kept open for nothing ends some time.
        let watch = WaitWatch(limit: environment.limits.answerMax, phase: "the sender's next offer")
        try await watch.run {
            while let event = try await watch.waiting({ try await self.nextEvent() }) {
                switch event {
                case .offered(let offer): try await self.serve(offer, under: rule)
                case .nothing: break
                case .fault(let fault): throw fault
                case .ready, .block, .ended, .asked, .settled, .proved:
                    preconditionFailure("the machine orders events")
                }
            }
        }
    }

    func throwEnd(_ event: ReceiverMachine.Event?) throws -> Never {
        if case .fault(let fault)? = event { throw fault }
        throw EngineError.connectionCut
    }

    /// The next thing to do; nil when the peer ended cleanly. Keep-alives are passed over.
    func nextEvent() async throws -> ReceiverMachine.Event? {
        while let record = try await reader.next() {
            let event = try machine.withLock { machine throws(ProtocolViolation) in try machine.received(record) }
            if event != .nothing { return event }
        }
        return nil
    }

    func answer(_ answer: Answer) async throws {
        machine.withLock { $0.answer(answer) }
        try await writer.send(.answer(answer))
    }
}

// MARK: One offer

extension ReceiverSession {
    /// Takes an offer from the answer to the commit. What concerns only this image refuses the offer; the
    /// connection goes on.
    private func serve(_ offer: Offer, under rule: ClientPolicy.Rule) async throws {
        if offer.purpose == .proof { return try await prove(offer, under: rule) }
        let mirrorName: String
        do {
            try environment.policy.check(name: offer.target.name)
            mirrorName = try environment.policy.mirrorName(of: offer.image, under: rule)
            try environment.claims.claim(mirrorName)
        } catch {
            return try await refuse(offer, error)
        }
        defer { environment.claims.release(mirrorName) }
        let place = MirrorPlace(name: mirrorName, client: rule.identity, keep: rule.keep)
        let claim = MirrorClaim(
            mirror: mirrorName, sourceName: offer.image, byteCount: offer.byteCount, rule: rule)
        let outcome: PreparationOutcome
        do {
            let preparation = MirrorPreparation(
                store: environment.store, mirrorName: mirrorName, offer: offer, maySeed: rule.maySeed(offer.image))
            outcome = try await environment.usage.reserving(
                claim, by: environment.policy, in: environment.store, preparation.run)
        } catch let failure as any Failure {
            environment.observe(.failed(mirror: mirrorName, client: rule.identity, error: failure))
            return try await refuse(offer, failure)
        }
        switch outcome {
        case .published(let pair):
            if let pair { observePublished(pair, place) }
            try await answer(.published)
        case .ready(let prepared):
            do {
                try await receive(offer, into: prepared, place)
                environment.usage.settle(claim)
                await prepared.image.close()
            } catch {
                environment.observe(.failed(mirror: mirrorName, client: rule.identity, error: error))
                await prepared.image.close()
                throw error
            }
        }
    }

    /// A mirror and the rule that it is under.
    private struct MirrorPlace {
        let name: String
        let client: String
        let keep: Retention
    }

    private func observePublished(_ pair: PublishedSnapshot, _ place: MirrorPlace) {
        environment.observe(
            .published(mirror: place.name, client: place.client, pair: pair, at: environment.now()))
    }

    func refuse(_ offer: Offer, _ failure: any Failure) async throws {
        logger.warning(
            "refused \(offer.image.printable)@\(offer.target.name.printable): \(failure.cause)",
            metadata: ["remedy": "\(failure.remedy)"])
        try await answer(.refused(PeerFault(failure)))
    }

    private func receive(_ offer: Offer, into prepared: PreparedMirror, _ place: MirrorPlace) async throws {
        let began = ContinuousClock.now
        let meter = TransferMeter()
        meter.update {
            $0.imageByteCount = offer.byteCount
            $0.phase = .sending
            $0.watermark = prepared.start.watermark
            $0.savedContentByteCount = prepared.start.contentByteCount
        }
        environment.observe(
            .receiving(mirror: place.name, client: place.client, target: prepared.transfer.target, meter: meter))
        let checkpointer = makeCheckpointer(offer, prepared, meter)
        try await answer(
            .send(
                base: prepared.transfer.base, watermark: prepared.start.watermark,
                savedContentByteCount: prepared.start.contentByteCount,
                mode: prepared.transfer.mode == offer.mode ? nil : prepared.transfer.mode))
        let running = try await takeIn(offer, prepared, checkpointer, meter)
        meter.update { $0.phase = .publishing }
        let record = try await Publication(
            prepared: prepared, byteCount: offer.byteCount, checkpointer: checkpointer, clock: meter.clock
        ).run()
        try await writer.send(.committed(machine.withLock { $0.committed(stages: meter.clock.times) }))
        meter.update { $0.phase = .done }
        if let pair = record.published.last { observePublished(pair, place) }
        logger.info(
            "published \(place.name)@\(prepared.transfer.target.name)",
            metadata: [
                "base": "\(prepared.transfer.base?.name ?? "none")", "content_bytes": "\(running.contentByteCount)",
                "saved_content_bytes": "\(prepared.start.contentByteCount)",
                "duration": "\(ContinuousClock.now - began)",
            ])
        await prune(prepared.image, record, place)
    }

    /// Applies a delta's blocks, and checks their totals.
    private func takeIn(
        _ offer: Offer, _ prepared: PreparedMirror, _ checkpointer: Checkpointer, _ meter: TransferMeter
    ) async throws -> RunningTotals {
        let receiver = DeltaReceiver(
            prepared, targetByteCount: offer.byteCount, workers: environment.workers,
            decompressor: BlockDecompressor(), checkpointer: checkpointer, meter: meter)
        let answers = makeAnswers(from: prepared.image)
        let parts = TransferParts(over: self, from: prepared.start.watermark, answers: answers, meter: meter)
        let watch = WaitWatch(limit: environment.limits.blockMax, phase: "the sender's next block")
        let running = try await watch.run {
            try await answers.serve { try await receiver.run { try await watch.waiting { try await parts.next() } } }
        }
        guard let peerTotals = parts.peerTotals else { throw EngineError.connectionCut }
        do {
            try running.check(peerTotals)
        } catch {
            try await checkpointer.distrust()
            throw error
        }
        return running
    }

    /// Answers from a mirror's head. What is asked about is not what blocks on their way are written to: the sender sends
    /// no block before it has the answers for that place.
    private func makeAnswers(from image: any MirrorImage) -> DigestAnswers {
        let digester = GrainDigester(read: { try await image.read($0, into: $1) }, workers: environment.workers)
        return DigestAnswers(digester) { digests in
            self.machine.withLock { $0.answered(digests) }
            try await self.writer.send(.digests(digests))
        }
    }

    /// What the sender asked for is done by now: trouble with old snapshots is ours alone, and is told here.
    private func prune(_ image: any MirrorImage, _ record: MirrorRecord, _ place: MirrorPlace) async {
        do {
            let removed = try await MirrorPruning(
                image: image, record: record, keep: place.keep, now: environment.now(),
                underProof: environment.claims.snapshotsUnderProof(of: place.name)
            ).run()
            guard !removed.isEmpty else { return }
            environment.observe(.pruned(mirror: place.name, snapshots: removed))
            logger.info(
                "removed \(removed.count) snapshots of \(place.name)",
                metadata: ["snapshots": "\(removed.map(\.name).joined(separator: " "))"])
        } catch {
            environment.observe(.failed(mirror: place.name, client: place.client, error: error))
            logger.error("old snapshots of \(place.name) stay: \(error.oneLine)")
        }
    }

    private func makeCheckpointer(
        _ offer: Offer, _ prepared: PreparedMirror, _ meter: TransferMeter
    ) -> Checkpointer {
        let share = Mutex(StageShare(of: .starve, from: .now))
        return Checkpointer(
            mirror: prepared.image, transfer: prepared.transfer, start: prepared.start,
            // Well inside the sender's window, so that it need not wait.
            distanceByteCount: offer.checkpointByteCount / 4, distanceTime: environment.checkpointInterval,
            clock: meter.clock,
            tell: { durable in
                var progress = durable
                progress.starvedShare = share.withLock { $0.next(meter.clock.times, at: .now) }
                self.machine.withLock { $0.progress(progress) }
                meter.update {
                    $0.durableContentByteCount = progress.contentByteCount
                    $0.watermark = progress.watermark
                }
                try await self.writer.send(.progress(progress))
            })
    }
}
