public import FoundationEssentials

/// When runs are due.
public enum Schedule: Hashable, Sendable {
    /// Every so many seconds, counted from 1970: any host finds the same times.
    case every(seconds: Int64)
    /// At the times of any of these calendar events.
    case at([CalendarEvent])

    /// The first time after `date`; nil when there is none any more.
    public func next(after date: Date) -> Date? {
        switch self {
        case .every(let seconds): Self.nextMultiple(of: seconds, after: date)
        case .at(let events): events.compactMap { $0.next(after: date) }.min()
        }
    }

    /// Seconds from the first time after `date` to the one after that; nil when one of them is missing.
    public func interval(after date: Date) -> TimeInterval? {
        guard let first = next(after: date), let second = next(after: first) else { return nil }
        return second.timeIntervalSince(first)
    }

    /// Whether a mirror is behind its schedule, whose newest state is of `publishedAt`: a run came due after that, and
    /// now the next one is due too.
    ///
    /// Only times that are due count, not the hours between them. With `Mon..Fri 02:30`, Friday's state is good all
    /// weekend, and late when Tuesday's run comes due without Monday's. When only one time is left, the state is late
    /// from that one on.
    public func isLate(publishedAt: Date, now: Date) -> Bool {
        guard let missed = next(after: publishedAt) else { return false }
        return now > next(after: missed) ?? missed
    }

    private static func nextMultiple(of seconds: Int64, after date: Date) -> Date? {
        guard seconds > 0, let now = Int64(exactly: date.timeIntervalSince1970.rounded(.down)) else { return nil }
        let (count, _) = now.floorDivided(by: seconds).addingReportingOverflow(1)
        let (instant, isOverflow) = count.multipliedReportingOverflow(by: seconds)
        let next = Date(timeIntervalSince1970: Double(instant))
        // So far away that the number of seconds is not exact.
        guard !isOverflow, next > date else { return nil }
        return next
    }
}
