public import FoundationEssentials

/// How fast transfers may go, by the time of day.
///
/// The first window that holds decides; where none does there is no limit. Times are those of the host when the limit
/// was read, as for schedules. A window that begins in an hour which clocks skip begins after it, and one in an hour that
/// they show twice holds both times.
public struct RateLimit: Hashable, Sendable {
    /// No limit at any time.
    public static let none = RateLimit(windows: [], zone: .utc)

    /// In the order in which they are asked.
    public let windows: [RateWindow]
    private let zone: TimeZoneRules

    /// The same limit at any time; nil: none.
    public init(_ rate: ByteRate?) {
        self.init(windows: rate.map { [RateWindow(rate: $0)] } ?? [], zone: .utc)
    }

    /// A limit of windows, in the times of this host. Throws when its time zone can't be read.
    public init(windows: [RateWindow]) throws(ScheduleError) {
        let isTimed = windows.contains { !$0.isAlways }
        self.init(windows: windows, zone: isTimed ? try TimeZoneDatabase.hostZone() : .utc)
    }

    init(windows: [RateWindow], zone: TimeZoneRules) {
        self.windows = windows
        self.zone = zone
    }

    /// What holds at a time; nil: no limit.
    public func rate(at date: Date) -> ByteRate? { rate(atInstant: Self.instant(date)) }

    /// The first time after `date`, in whole seconds, at which another rate holds; nil when none does for two weeks.
    public func nextChange(after date: Date) -> Date? {
        guard windows.contains(where: { !$0.isAlways }) else { return nil }
        let now = Self.instant(date)
        let rate = rate(atInstant: now)
        var instant = now
        while instant < now + Self.searchSeconds {
            instant = nextEdge(after: instant)
            if self.rate(atInstant: instant) != rate { return Date(timeIntervalSince1970: Double(instant)) }
        }
        return nil
    }

    /// A window of one day of the week may fall into an hour that is skipped: a second week tells.
    private static let searchSeconds: Int64 = 15 * 86_400

    /// Whole seconds since 1970, within the years for which clocks are known.
    private static func instant(_ date: Date) -> Int64 {
        let seconds = date.timeIntervalSince1970.rounded(.down)
        return seconds.isNaN ? 0 : Int64(min(max(seconds, 0), lastSecond))
    }

    /// In the year 2200.
    private static let lastSecond = 7_258_291_200.0

    private func rate(atInstant instant: Int64) -> ByteRate? {
        let wall = instant + zone.offset(at: instant)
        return windows.first { $0.holds(atWallTime: wall) }?.rate
    }

    /// The next instant at which a window may begin or end, or at which clocks are changed.
    private func nextEdge(after instant: Int64) -> Int64 {
        let offset = zone.offset(at: instant)
        let wall = instant + offset
        let day = wall.floorDivided(by: 86_400)
        let edges = Set(windows.flatMap { [$0.beginSecond, $0.endSecond] } + [86_400])
        let next = edges.map { day * 86_400 + $0 }.filter { $0 > wall }.min() ?? (day + 1) * 86_400
        let edge = next - offset
        guard zone.offset(at: edge) != offset else { return edge }
        return zone.changeInstant(between: instant, and: edge)
    }
}
