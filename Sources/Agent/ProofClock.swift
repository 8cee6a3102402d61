import FerryCore
import Foundation
import Planning

/// When a lane proves every byte of its mirror: when the last such proof is too old, or after a sync if the rule says so,
/// and only in the pauses between runs. A value: the loop that asks it has the clock.
struct ProofClock: Sendable {
    /// What the rule says.
    var policy: ProofPolicy
    /// When every byte was proven last; nil: never.
    private(set) var provenAt: Date?
    /// When this lane came to the end of one last, whatever it showed; nil: never.
    private var endedAt: Date?
    /// Since when there is a mirror to prove; nil while there is none.
    private var mirroredAt: Date?
    /// Whether one is owed that nobody waited for a date of: after a sync, or one that was cut.
    private var isOwed = false
    /// No proof begins before; nil when the last one went well.
    private var retryAt: Date?
    private var backoff = Backoff(firstSeconds: 10, maxSeconds: 3600)

    /// The longest time that one slice takes: other lanes' runs may wait for its place.
    static let sliceSecondsMax: TimeInterval = 60
    /// The shortest: a proof that is due comes to its end although a run is always due soon.
    static let sliceSecondsMin: TimeInterval = 5
    /// How much longer a slice may take until what it has asked for is answered.
    static let answerSecondsMax: TimeInterval = 60

    /// A clock at its start. `unfinished`: a proof was cut before its end.
    init(policy: ProofPolicy, provenAt: Date? = nil, isUnfinished: Bool = false) {
        self.policy = policy
        self.provenAt = provenAt
        isOwed = isUnfinished
    }

    /// Takes note of the time; to be called before anything is asked. A clock that was set back must not keep proofs
    /// waiting until it has caught up.
    mutating func notice(_ now: Date) {
        if let proven = provenAt, proven > now { provenAt = now }
        if let ended = endedAt, ended > now { endedAt = now }
        if let since = mirroredAt, since > now { mirroredAt = now }
        if let retry = retryAt { retryAt = min(retry, now.addingTimeInterval(Self.pauseSecondsMax)) }
    }
    private static let pauseSecondsMax: TimeInterval = 4500

    /// Notes that the mirror has a snapshot; `isNew` when a run has just published it.
    mutating func mirrored(now: Date, isNew: Bool) {
        if mirroredAt == nil { mirroredAt = now }
        if isNew, policy.afterSync == .full { isOwed = true }
    }

    /// When the next slice may begin; nil: never, unless something changes.
    var nextSlice: Date? {
        guard let mirroredAt, policy.afterSync == .full || policy.fullEvery != nil else { return nil }
        let due: Date? =
            if isOwed {
                mirroredAt
            } else {
                policy.fullEvery.map { every in
                    let last = [provenAt, endedAt].compactMap(\.self).max()
                    return last?.addingTimeInterval(Double(every.seconds)) ?? mirroredAt
                }
            }
        guard let due else { return nil }
        return max(due, retryAt ?? due)
    }

    /// How long a slice that begins now may take, with a run due at `nextRun`.
    static func sliceSeconds(now: Date, nextRun: Date?) -> TimeInterval {
        let pause = nextRun?.timeIntervalSince(now) ?? sliceSecondsMax
        return min(max(pause, sliceSecondsMin), sliceSecondsMax)
    }

    /// Notes that a slice ended without an error: with the proof when `isComplete`. `provenAt` is when the last proof of
    /// every byte ended, as it is stored.
    mutating func ended(isComplete: Bool, provenAt: Date?, now: Date) {
        self.provenAt = provenAt ?? self.provenAt
        if isComplete { endedAt = now }
        isOwed = !isComplete
        retryAt = nil
        backoff.succeeded()
    }

    /// Notes a failure; what a retry can't mend is tried again now and then.
    mutating func failed(now: Date, using generator: inout some RandomNumberGenerator) {
        retryAt = now.addingTimeInterval(backoff.failed(using: &generator))
    }

    /// Takes over what someone else proved.
    mutating func follow(provenAt: Date?) { self.provenAt = provenAt ?? self.provenAt }

    /// Whether the last proof of every byte is older than two of the times that the rule asks for; nil without such a rule.
    func isLate(now: Date) -> Bool? {
        guard let every = policy.fullEvery else { return nil }
        guard let since = provenAt ?? mirroredAt else { return false }
        return now.timeIntervalSince(since) > 2 * Double(every.seconds)
    }
}
