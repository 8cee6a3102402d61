import AgentConfiguration
import Control
import Engine
import FerryCore
import Foundation
import ImageStore
import Planning
import Reporting

/// An image and the peer that it goes to.
struct LaneKey: Hashable, Sendable, Comparable {
    let image: String
    let peer: String

    static func < (one: LaneKey, other: LaneKey) -> Bool {
        (one.image, one.peer) < (other.image, other.peer)
    }
}

/// One image on its way to one peer: waits until a run is due, runs it, and tells how it stands. Each goes its way
/// independently of all others.
actor Lane {
    nonisolated let key: LaneKey
    private let agent: LaneAgent
    private let alarm = Alarm()
    private var rule: LaneRule
    private var clock: LaneClock
    private var proofClock: ProofClock
    private var report: LaneReport
    /// The run under way.
    private var meter: TransferMeter?
    /// The proof under way in a pause between runs.
    private var proof: (meter: TransferMeter, task: Task<LaneProof.Outcome, any Error>)?
    private var requestedAt: ContinuousClock.Instant?
    /// Whether the next run compares both ends if no snapshot is common.
    private var reconciles = false
    private var waiters: [UUID: CheckedContinuation<SyncReply.Outcome?, Never>] = [:]
    private var isRetired = false

    /// A lane under a rule. It does nothing before `run`.
    init(_ key: LaneKey, rule: LaneRule, agent: LaneAgent) {
        self.key = key
        self.agent = agent
        self.rule = rule
        report = LaneReport(key)
        clock = LaneClock(schedule: rule.settings.schedule, doneUntil: nil, startedAt: agent.environment.now())
        proofClock = ProofClock(policy: rule.settings.verify)
    }

    /// Runs what is due until the agent stops or the lane is retired.
    func run() async {
        let listener = agent.stop.onStop { [alarm] in alarm.ring() }
        defer { agent.stop.forget(listener) }
        await look()
        while !isRetired, !agent.stop.isStopping, !Task.isCancelled {
            let now = agent.environment.now()
            clock.notice(now)
            proofClock.notice(now)
            let next = clock.nextRun(now: now)
            // While runs fail, so would proofs.
            let nextSlice = clock.failureCount == 0 ? proofClock.nextSlice : nil
            if let next, next <= now {
                await runOnce(now)
            } else if let nextSlice, nextSlice <= now {
                await prove(now, nextRun: next)
            } else {
                let wake = [next, nextSlice].compactMap(\.self).min()
                await alarm.wait(for: wake.map { .seconds(min($0.timeIntervalSince(now), 3600)) })
                if report.proofs.alarm != nil { await followProofs() }
            }
        }
        answer(
            SyncReply.Outcome(
                snapshot: nil, error: ImageError(AgentStopping(), at: agent.environment.now(), failureCount: 0),
                durationMs: 0))
    }

    /// Goes on under another rule.
    func update(_ rule: LaneRule) {
        guard rule != self.rule else { return }
        if rule.settings.schedule != self.rule.settings.schedule { clock.schedule = rule.settings.schedule }
        proofClock.policy = rule.settings.verify
        self.rule = rule
        alarm.ring()
    }

    /// Ends the lane once the run under way has ended.
    func retire() {
        isRetired = true
        proof?.task.cancel()
        alarm.ring()
    }

    /// Asks for a run, or joins the one under way. With `isWaiting` it returns when that run has ended. With `reconciles`
    /// there is a run of its own, which compares both ends if no snapshot is common.
    func request(isWaiting: Bool, reconciles: Bool = false) async -> SyncReply {
        let isUnderWay = meter != nil
        if reconciles { self.reconciles = true }
        if !isUnderWay || reconciles {
            requestedAt = .now
            clock.request()
            proof?.task.cancel()
            alarm.ring()
        }
        let outcome = isWaiting ? await nextOutcome() : nil
        return SyncReply(image: key.image, peer: key.peer, wasJoined: isUnderWay, outcome: outcome)
    }

    /// Waits for the end of the next run, or until cancelled: then nil, and the run goes on.
    private func nextOutcome() async -> SyncReply.Outcome? {
        let id = UUID()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard !Task.isCancelled else { return continuation.resume(returning: nil) }
                waiters[id] = continuation
            }
        } onCancel: {
            Task { await self.forget(id) }
        }
    }

    private func forget(_ id: UUID) {
        waiters.removeValue(forKey: id)?.resume(returning: nil)
    }

    /// Takes note of how far the run under way is; called every second.
    func tick() {
        guard let meter = meter ?? proof?.meter else { return }
        report.sample(meter.counts)
    }

    /// How the lane stands.
    func status() -> ImageStatus {
        let now = agent.environment.now()
        var status = report.status(
            schedule: rule.settings.schedule, nextRun: clock.nextRun(now: now), running: meter?.counts,
            proving: proof?.meter.counts, now: now)
        status.isProofLate = proofClock.isLate(now: now)
        status.nextFullProofAt = proof == nil ? proofClock.nextSlice.map { max($0, now) } : nil
        return status
    }

    /// Sees what there is before the first run: what was published, and when a snapshot was made last.
    private func look() async {
        do {
            let found = try await agent.look(key, rule)
            report.published = found.published
            report.failingSince = found.failingSince
            take(found.proofs)
            proofClock = ProofClock(
                policy: rule.settings.verify, provenAt: found.proofs.lastFullAt,
                isUnfinished: found.proofs.unfinished?.scope == .full)
            if found.published != nil { proofClock.mirrored(now: agent.environment.now(), isNew: false) }
            clock = LaneClock(
                schedule: rule.settings.schedule, doneUntil: found.ownSnapshotAt, isOwed: found.isOwed,
                startedAt: agent.environment.now())
        } catch {
            // A run finds it out again, and says so.
            let isOwed = rule.settings.schedule != nil
            clock = LaneClock(
                schedule: rule.settings.schedule, doneUntil: nil, isOwed: isOwed, startedAt: agent.environment.now())
        }
        if requestedAt != nil { clock.request() }
    }

    private func runOnce(_ now: Date) async {
        let due = clock.begin(now: now)
        let wish = requestedAt.map { LaneWish.asked($0) } ?? .due(due)
        requestedAt = nil
        var rule = rule
        let reconciles = reconciles
        if reconciles { rule.settings.onLostBase = .reconcile }
        self.reconciles = false
        let meter = TransferMeter()
        self.meter = meter
        report.began()
        agent.began(key, meter)
        let began = ContinuousClock.now
        let result: Result<LaneRun.Outcome, any Error>
        do {
            let run = agent.makeRun(key, rule, meter)
            result = .success(try await agent.stop.limit { try await run.run(wish) })
        } catch let failed as LaneRun.Failed {
            report.note(failed)
            agent.logPruning(key, failed.pruning)
            result = .failure(failed.underlying)
        } catch {
            result = .failure(error)
        }
        agent.ended(key)
        self.meter = nil
        if case .failure = result, requestedAt == nil, case .asked(let instant) = wish {
            // Still wanted; a snapshot that was made for it by now is not made again.
            requestedAt = instant
            self.reconciles = reconciles
        }
        conclude(result, meter, ContinuousClock.now - began)
        if case .failure(is LeaseHeldElsewhere) = result { await followOther() }
    }

    /// Sees how the agent that has the image fares meanwhile: the lag is the mirror's, whoever works on it.
    private func followOther() async {
        // A store that can't be asked now is the next run's to report.
        guard let found = try? await agent.look(key, rule) else { return }
        report.failingSince = found.failingSince
        guard let published = found.published, published.snapshot != report.published?.snapshot else { return }
        report.published = published
    }

    private func conclude(
        _ result: Result<LaneRun.Outcome, any Error>, _ meter: TransferMeter, _ duration: Duration
    ) {
        let now = agent.environment.now()
        switch result {
        case .success(let outcome):
            clock.succeeded(now: now, madeSnapshot: outcome.madeSnapshot)
            report.succeeded(outcome, now: now)
            take(outcome.proofs)
            if outcome.published != nil {
                proofClock.mirrored(now: now, isNew: outcome.steps.contains { !$0.wasPublished })
            }
        case .failure(let error) where error is CancellationError:
            report.interrupted(meter)
        case .failure(let error as LeaseHeldElsewhere):
            clock.elsewhere(now: now)
            report.elsewhere(error, now: now)
        case .failure(let error):
            let disposition = (error as? any Failure)?.disposition ?? .permanent
            var generator = SystemRandomNumberGenerator()
            clock.failed(disposition, now: now, using: &generator)
            report.failed(error, meter, failureCount: clock.failureCount, now: now)
        }
        agent.log(key, result, duration)
        answer(report.outcome(of: result, duration, now: now))
    }

    /// Takes over what is stored about whether the mirror equals the image.
    private func take(_ proofs: ProofRecord) {
        report.proofs = ProofStanding(proofs)
        proofClock.follow(provenAt: proofs.lastFullAt)
    }

    /// Sees whether someone has mended what an alarm is about.
    private func followProofs() async {
        // A store that can't be asked now is the next run's to report.
        guard let found = try? await agent.look(key, rule) else { return }
        take(found.proofs)
    }

    /// Goes on with the proof of every byte until a run is due.
    private func prove(_ now: Date, nextRun: Date?) async {
        let seconds = ProofClock.sliceSeconds(now: now, nextRun: nextRun)
        let meter = TransferMeter()
        let slice = agent.makeProof(key, rule, meter, timeMax: .seconds(seconds))
        let task = Task { try await slice.run() }
        proof = (meter, task)
        report.began()
        agent.began(key, meter)
        let listener = agent.stop.onStop { task.cancel() }
        let limit = Task {
            try await Task.sleep(for: .seconds(seconds))
            // It may wait for others to end, and the run that is due must not wait with it. What has begun ends by itself
            // when what is asked for is answered; where that takes long, it is not waited for for ever.
            if meter.counts.phase != .waiting {
                try await Task.sleep(for: .seconds(ProofClock.answerSecondsMax))
            }
            task.cancel()
        }
        var result = await task.result
        if task.isCancelled, case .failure = result { result = .failure(CancellationError()) }
        limit.cancel()
        agent.stop.forget(listener)
        agent.ended(key)
        proof = nil
        conclude(result)
    }

    private func conclude(_ result: Result<LaneProof.Outcome, any Error>) {
        let now = agent.environment.now()
        agent.logProof(key, result.map(\.report))
        switch result {
        case .success(let outcome):
            take(outcome.proofs)
            report.proofError = nil
            proofClock.ended(
                isComplete: outcome.report.isComplete, provenAt: outcome.proofs.lastFullAt, now: now)
        case .failure(let error) where error is CancellationError:
            proofClock.ended(isComplete: false, provenAt: nil, now: now)
        case .failure(let error):
            var generator = SystemRandomNumberGenerator()
            proofClock.failed(now: now, using: &generator)
            report.proofError = error
        }
    }

    private func answer(_ outcome: SyncReply.Outcome) {
        for waiter in waiters.values { waiter.resume(returning: outcome) }
        waiters = [:]
    }
}

/// What a lane is told by the configuration.
struct LaneRule: Equatable, Sendable {
    var peer: SenderConfiguration.Peer
    var settings: ImageSettings
}

/// A wish came while the agent ends.
struct AgentStopping: Failure {
    var disposition: Disposition { .temporary }
    var cause: String { "the agent is stopping" }
    var remedy: String { "start it again; transfers go on where they stopped" }
}
