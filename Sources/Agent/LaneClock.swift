import FerryCore
import Foundation
import Planning

/// When a lane runs next. A value: the loop that asks it has the clock.
struct LaneClock: Sendable {
    /// When runs are due; nil: only when asked for.
    var schedule: Schedule?
    /// What was due up to here is done; nil when nothing ever was.
    private(set) var doneUntil: Date?
    /// What was due up to here has been tried.
    private(set) var triedUntil: Date
    /// The newest due time that nothing was done for; nil when there is none, or it was not looked for yet.
    private var owedDue: Date?
    /// When the last run is tried again; nil when it went well.
    private(set) var retryAt: Date?
    /// Whether someone asked for a run that has not begun.
    private(set) var isRequested = false
    private var backoff = Backoff()

    /// How soon an image is looked at again on which another agent works: soon after its lease could have run out.
    static let elsewhereSeconds: TimeInterval = 20

    /// A clock at its start; `doneUntil` is the time of the newest snapshot that we made, if there is one. `isOwed`:
    /// there is something to send already.
    init(schedule: Schedule?, doneUntil: Date?, isOwed: Bool = false, startedAt: Date) {
        self.schedule = schedule
        self.doneUntil = doneUntil
        if isOwed { retryAt = startedAt }
        // A missed run is made up for. Without any before, a calendar's first time is waited for.
        switch (schedule, doneUntil) {
        case (_, let done?): triedUntil = min(done, startedAt)
        case (.every, nil): triedUntil = .distantPast
        case (_, nil): triedUntil = startedAt
        }
    }

    /// Takes note of the time; to be called before anything is asked. A clock that was set back must not keep runs
    /// waiting until it has caught up.
    mutating func notice(_ now: Date) {
        if triedUntil > now { triedUntil = now }
        if let done = doneUntil, done > now { doneUntil = now }
        if let owed = owedDue, owed > now { owedDue = nil }
        if let retry = retryAt { retryAt = min(retry, now.addingTimeInterval(Self.pauseSecondsMax)) }
    }
    private static let pauseSecondsMax: TimeInterval = 400

    /// When the next run begins; nil when none will, unless one is asked for.
    func nextRun(now: Date) -> Date? {
        if isRequested { return now }
        return [nextDue(now: now), retryAt].compactMap(\.self).min()
    }

    /// When the schedule asks for a run next, whatever went wrong before.
    func nextDue(now: Date) -> Date? {
        guard triedUntil > .distantPast else { return schedule == nil ? nil : now }
        return schedule?.next(after: triedUntil)
    }

    /// Asks for a run as soon as can be.
    mutating func request() { isRequested = true }

    /// Notes that a run begins. Returns the newest time that it makes up for; nil when no snapshot of ours was due.
    mutating func begin(now: Date) -> Date? {
        isRequested = false
        triedUntil = now
        return newestDue(until: now)
    }

    /// Looks for the newest due time that nothing was done for. It stays the same while runs for it fail.
    private mutating func newestDue(until now: Date) -> Date? {
        guard let schedule else { return nil }
        guard let start = owedDue ?? doneUntil else {
            owedDue = now
            return now
        }
        var after = start
        for _ in 0..<1000 {
            guard let due = schedule.next(after: after), due <= now else { return owedDue }
            owedDue = due
            after = due
        }
        // Too many to count; any of them asks for a snapshot.
        owedDue = now
        return now
    }

    /// Notes that a run ended well. What became due while it went is done with it if it made a snapshot; otherwise what
    /// was due when it began.
    mutating func succeeded(now: Date, madeSnapshot: Bool = true) {
        let until = madeSnapshot ? now : triedUntil
        doneUntil = until
        triedUntil = until
        owedDue = nil
        retryAt = nil
        backoff.succeeded()
    }

    /// Notes that a run failed. What a retry can't mend waits for the next due run.
    mutating func failed(_ disposition: Disposition, now: Date, using generator: inout some RandomNumberGenerator) {
        let pause = backoff.failed(using: &generator)
        if disposition.passesByItself {
            retryAt = now.addingTimeInterval(pause)
        } else {
            retryAt = schedule == nil ? nil : now.addingTimeInterval(max(pause, Self.stoppedSecondsMin))
        }
    }

    /// How soon at the earliest is tried again what someone has to mend: a look now and then, so that nobody needs to
    /// tell the agent that it is mended.
    static let stoppedSecondsMin: TimeInterval = 60

    /// Notes that another agent works on the image.
    mutating func elsewhere(now: Date) {
        retryAt = now.addingTimeInterval(Self.elsewhereSeconds)
    }

    /// Failures in a row.
    var failureCount: Int { backoff.failureCount }
}
