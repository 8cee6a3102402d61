public import FoundationEssentials

/// When runs are due.
public enum Schedule: Hashable, Sendable {
    /// Every so many seconds, counted from 1970: any host finds the same times.
    case every(seconds: Int64)
    /// At the times of any of these calendar events.
    case at([CalendarEvent])

    /// The first time after `date`; nil when there is none any more.
    public func next(after date: Date) -> Date? { nil }
}

/// Times of the calendar, as in systemd.time(7): `Mon..Fri 02:30`, `*-*-1 00:00`, `hourly`.
public struct CalendarEvent: Hashable, Sendable {
    /// As it was written.
    public let text: String

    /// Reads an expression.
    public init(_ text: String) throws(ScheduleError) { self.text = text }

    /// The first time after `date`; nil when there is none any more.
    public func next(after date: Date) -> Date? { nil }
}
