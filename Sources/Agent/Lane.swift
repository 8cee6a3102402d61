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
    private var report: LaneReport
    /// The run under way.
    private var meter: TransferMeter?
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
    }

    /// Runs what is due until the agent stops or the lane is retired.
    func run() async {
        let listener = agent.stop.onStop { [alarm] in alarm.ring() }
        defer { agent.stop.forget(listener) }
        await look()
        while !isRetired, !agent.stop.isStopping, !Task.isCancelled {
            let now = agent.environment.now()
            clock.notice(now)
            let next = clock.nextRun(now: now)
            if let next, next <= now {
                await runOnce(now)
            } else {
                await alarm.wait(for: next.map { .seconds(min($0.timeIntervalSince(now), 3600)) })
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
        self.rule = rule
        alarm.ring()
    }

    /// Ends the lane once the run under way has ended.
    func retire() {
        isRetired = true
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
        guard let meter else { return }
        report.sample(meter.counts)
    }

    /// How the lane stands.
    func status() -> ImageStatus {
        let now = agent.environment.now()
        return report.status(
            schedule: rule.settings.schedule, nextRun: clock.nextRun(now: now), running: meter?.counts, now: now)
    }

    /// Sees what there is before the first run: what was published, and when a snapshot was made last.
    private func look() async {
        do {
            let found = try await agent.look(key, rule)
            report.published = found.published
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

    /// Sees what the agent that has the image has published meanwhile: the lag is the mirror's, whoever works on it.
    private func followOther() async {
        // A store that can't be asked now is the next run's to report.
        guard let found = try? await agent.look(key, rule), let published = found.published,
            published.snapshot != report.published?.snapshot
        else { return }
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
