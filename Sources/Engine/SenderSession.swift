public import Conversation
public import FerryCore
import NIOCore
import Pipeline
import SecureTransport
import Synchronization

/// The sender's end of one connection: drives the machine, keeps the link alive, notices a peer that is gone.
public final class SenderSession: Sendable {
    private let link: any Link
    private let reader: RecordReader
    private let writer: RecordWriter
    private let limits: SessionLimits
    private let machine: Mutex<SenderMachine>
    private let questions = DigestQuestions()
    private let events = EventQueue<SenderMachine.Event>()
    private let transfer = Mutex<OpenTransfer?>(nil)
    /// What a proof under way counts, for the watch over standstills.
    private let proof = Mutex<TransferMeter?>(nil)

    /// What the reader needs to know of the transfer under way.
    private struct OpenTransfer: Sendable {
        let meter: TransferMeter
        let credit: ByteBudget
        let throttles: [Throttle]
        var durableContentByteCount: UInt64 = 0
    }

    private init(link: any Link, hello: Hello, limits: SessionLimits) {
        machine = Mutex(SenderMachine(versions: hello.versions))
        self.link = link
        self.limits = limits
        reader = RecordReader(link: link)
        writer = RecordWriter(link: link)
    }

    /// Greets the peer, runs `body` with the session, and ends the connection.
    ///
    /// When the connection breaks, `body` is cancelled and the most telling error is thrown: what the peer said
    /// before the mere fact that it hung up.
    public static func run<Result: Sendable>(
        over link: any Link, hello: Hello, limits: SessionLimits = SessionLimits(),
        _ body: @escaping @Sendable (SenderSession) async throws -> Result
    ) async throws -> Result {
        let session = SenderSession(link: link, hello: hello, limits: limits)
        // A task of its own, so that it alone can be cancelled: the reader may still hear why the peer hung up.
        let work = Task { await session.greetAndRun(hello, body) }
        let outcome = await withTaskGroup(of: Part<Result>.self) { group in
            group.addTask { .reader(await session.readUntilEnd()) }
            group.addTask { .heartbeat(await session.beat()) }
            group.addTask {
                await withTaskCancellationHandler {
                    .body(await work.value)
                } onCancel: {
                    work.cancel()
                }
            }
            return await session.firstOutcome(of: &group, cancelBody: work.cancel)
        }
        if case .failure(let error) = outcome, error.isConnectionLoss, Task.isCancelled {
            // We ended the connection ourselves; which part noticed first does not matter.
            throw CancellationError()
        }
        return try outcome.get()
    }

    private enum Part<Result: Sendable>: Sendable {
        case reader((any Error)?)
        case heartbeat((any Error)?)
        case body(Swift.Result<Result, any Error>)
    }

    private func firstOutcome<Result: Sendable>(
        of group: inout TaskGroup<Part<Result>>, cancelBody: () -> Void
    ) async -> Swift.Result<Result, any Error> {
        var linkError: (any Error)?
        var result: Swift.Result<Result, any Error>?
        while let part = await group.next() {
            switch part {
            case .body(let outcome):
                result = outcome
                if case .failure(let error) = outcome, error.isConnectionLoss {
                    // The reason may still be on its way to the reader.
                    try? await Task.sleep(for: .milliseconds(500))
                }
                await finish(outcome)
                group.cancelAll()
            case .reader(let error), .heartbeat(let error):
                guard let error, result == nil || linkError == nil else { continue }
                if linkError == nil || !error.isConnectionLoss { linkError = error }
                events.fail(error)
                questions.fail(error)
                transfer.withLock { $0?.credit.fail(error) }
                writer.stop()
                // It may be waiting for what has nothing to do with the link: memory, or a limit.
                cancelBody()
                if !(error is PeerFault) { link.abort() }
            }
        }
        guard let result else { return .failure(linkError ?? CancellationError()) }
        if case .failure(let error) = result, error.isConnectionLoss || error is CancellationError,
            let linkError, !linkError.isConnectionLoss || error is CancellationError && !Task.isCancelled
        {
            return .failure(linkError)
        }
        return result
    }

    private func finish<Result>(_ outcome: Swift.Result<Result, any Error>) async {
        switch outcome {
        case .success: await link.close()
        case .failure(let error as any Failure) where !(error is PeerFault) && !error.isConnectionLoss:
            try? await writer.send(.fault(PeerFault(error)))
            await link.close()
        case .failure: link.abort()
        }
    }

    private func readUntilEnd() async -> (any Error)? {
        do {
            while let record = try await reader.next() {
                guard let control = try ControlRecord(record) else {
                    throw ProtocolViolation(.unexpected(.block, state: "only senders send blocks"))
                }
                let event = try machine.withLock { machine throws(ProtocolViolation) in
                    try machine.received(control)
                }
                try take(event)
            }
            return EngineError.connectionCut
        } catch {
            return error
        }
    }

    private func take(_ event: SenderMachine.Event) throws {
        switch event {
        case .nothing: break
        case .fault(let fault): throw fault
        case .progress(let progress): note(progress)
        case .digests(let digests): questions.take(digests)
        case .ready, .send, .prove, .alreadyPublished, .refused, .committed: events.send(event)
        }
    }

    private func note(_ progress: Progress) {
        let freed = transfer.withLock { transfer -> (ByteBudget, UInt64)? in
            guard var open = transfer else { return nil }
            let freed = progress.contentByteCount - open.durableContentByteCount
            open.durableContentByteCount = progress.contentByteCount
            open.meter.update {
                $0.durableContentByteCount = progress.contentByteCount
                $0.watermark = progress.watermark
                if let share = progress.starvedShare { $0.receiverStarvedShare = share }
            }
            transfer = open
            return (open.credit, freed)
        }
        if let (credit, byteCount) = freed { credit.give(byteCount) }
    }

    private func beat() async -> (any Error)? {
        do {
            var watch = StallWatch(limit: limits.stallMax)
            try await Heartbeat(reader: reader, writer: writer, limits: limits).run {
                // Publishing has a deadline of its own, and moves nothing that is counted.
                let counts = self.transfer.withLock { $0?.meter.counts } ?? self.proof.withLock { $0?.counts }
                try watch.check(counts?.phase == .publishing ? nil : counts)
            }
            return nil
        } catch is CancellationError {
            return nil
        } catch {
            return error
        }
    }

    private func greetAndRun<Result: Sendable>(
        _ hello: Hello, _ body: @Sendable (SenderSession) async throws -> Result
    ) async -> Swift.Result<Result, any Error> {
        do {
            try await writer.sendBanner()
            try await writer.send(.hello(hello))
            let event = try await nextEvent(within: limits.greetingMax, phase: "the receiver's greeting")
            guard case .ready = event else { preconditionFailure("the machine greets first") }
            return .success(try await body(self))
        } catch {
            return .failure(error)
        }
    }

    private func nextEvent(within limit: Duration, phase: String) async throws -> SenderMachine.Event {
        try await withDeadline(limit, phase: phase) { try await self.events.next() }
    }
}

// MARK: A transfer, step by step

extension SenderSession {
    /// What the receiver said to an offer.
    public enum OfferOutcome: Equatable, Sendable {
        /// Send the delta from `base`, from `watermark` on.
        case send(base: SnapshotIdentity?, watermark: UInt64, savedContentByteCount: UInt64, mode: DiffMode)
        /// Ask for digests of the mirror's snapshot `mirror` of this size, which is published as `base`.
        case prove(base: SnapshotIdentity, mirror: SnapshotIdentity, byteCount: UInt64)
        /// The mirror holds the target already.
        case published
    }

    /// Whether the receiver speaks of digests: proofs, repairs, and transfers by comparison.
    var knowsProofs: Bool { machine.withLock { $0.agreedVersion ?? 0 >= 2 } }

    /// Offers an image and waits for the answer. Throws `OfferRefusal` when the receiver says no, and
    /// `EngineError.peerTooOld` when it does not know what is offered.
    func offer(_ offer: Offer) async throws -> OfferOutcome {
        guard knowsProofs || !offer.needsVersion2 else { throw EngineError.peerTooOld }
        machine.withLock { $0.offer(offer) }
        try await writer.send(.offer(offer))
        switch try await nextEvent(within: limits.answerMax, phase: "the receiver's answer") {
        case .send(let base, let watermark, let saved, let mode):
            return .send(base: base, watermark: watermark, savedContentByteCount: saved, mode: mode)
        case .prove(let base, let mirror, let byteCount):
            return .prove(base: base, mirror: mirror, byteCount: byteCount)
        case .alreadyPublished: return .published
        case .refused(let fault): throw OfferRefusal(fault: fault)
        case .ready, .progress, .digests, .committed, .fault, .nothing:
            preconditionFailure("the machine orders events")
        }
    }

    /// Asks for digests of what the mirror holds, and waits for them. Several may ask at once.
    func ask(_ extents: [Extent], grainByteCount: UInt64, isFolded: Bool) async throws -> Digests {
        try await questions.ask {
            let query = self.machine.withLock {
                $0.ask(extents, grainByteCount: grainByteCount, isFolded: isFolded)
            }
            try await self.writer.send(.digestQuery(query))
        }
    }

    /// Tells that everything below an offset is equal, or is in the blocks that were sent.
    func settle(to offset: UInt64) async throws {
        machine.withLock { $0.settle() }
        try await writer.send(.settled(Settled(offset: offset)))
    }

    /// Lets the watch over standstills look at a proof's counts; nil ends that.
    func watchProof(_ meter: TransferMeter?) { proof.withLock { $0 = meter } }

    /// Tells what a proof showed, and waits until the receiver has stored it.
    func conclude(_ result: ProofResult) async throws -> Committed {
        try await questions.settle()
        machine.withLock { $0.conclude() }
        try await writer.send(.proofResult(result))
        let event = try await nextEvent(within: limits.publishMax, phase: "storing the proof with the mirror")
        guard case .committed(let committed) = event else { preconditionFailure("the machine orders events") }
        return committed
    }

    /// Opens the window for blocks: at most `checkpointByteCount` of content goes out without being durable.
    /// Blocks pass the throttles.
    func beginTransfer(checkpointByteCount: UInt64, meter: TransferMeter, throttles: [Throttle]) {
        let credit = ByteBudget(limit: checkpointByteCount)
        transfer.withLock { $0 = OpenTransfer(meter: meter, credit: credit, throttles: throttles) }
    }

    /// Sends a block; waits until the window has room for it.
    func send(_ block: SealedBlock) async throws {
        let open = transfer.withLock { $0 }
        guard let open else { preconditionFailure("blocks go out only while a transfer is open") }
        try await open.meter.clock.time(.window) { try await open.credit.take(UInt64(block.contentByteCount)) }
        machine.withLock { $0.block(contentByteCount: block.contentByteCount) }
        try await writer.write(block.wire, through: open.throttles, clock: open.meter.clock) { byteCount in
            open.meter.update { $0.pacedByteCount += UInt64(byteCount) }
        }
    }

    /// Sends the totals and waits until the receiver has published.
    func end(_ totals: Totals) async throws -> Committed {
        try await questions.settle()
        machine.withLock { $0.end(totals) }
        try await writer.send(.totals(totals))
        let event = try await nextEvent(within: limits.publishMax, phase: "publishing on the mirror")
        guard case .committed(let committed) = event else { preconditionFailure("the machine orders events") }
        transfer.withLock { $0 = nil }
        return committed
    }
}

/// The receiver said no to an offer; the connection can be used for others.
public struct OfferRefusal: Failure, Equatable {
    /// Why.
    public let fault: PeerFault

    /// What can be done about it.
    public var disposition: Disposition { fault.disposition }
    /// What happened.
    public var cause: String { fault.cause }
    /// What the user can do.
    public var remedy: String { fault.remedy }
}
