/// A part of the week in which transfers have a rate of their own.
public struct RateWindow: Hashable, Sendable {
    /// Bytes per second while it holds; nil: no limit.
    public let rate: ByteRate?
    /// Seconds of the day: 0 to 86399.
    let beginSecond: Int64
    /// Seconds of the day, 1 to 86400; not after the beginning when the window goes over midnight.
    let endSecond: Int64
    /// The days on which it begins.
    let weekdays: Set<Int>

    /// A window that always holds.
    public init(rate: ByteRate?) {
        self.rate = rate
        (beginSecond, endSecond, weekdays) = (0, 86_400, Weekdays.all)
    }

    /// A window from `HOUR:MINUTE` to `HOUR:MINUTE`, by default from the day's beginning to its end, on days such as
    /// `Mon..Fri`, by default all. One that ends before it begins goes over midnight, and belongs to the day on which
    /// it begins.
    public init(rate: ByteRate?, from: String?, to: String?, days: String?) throws(ScheduleError) {
        self.rate = rate
        beginSecond = try from.map { text throws(ScheduleError) in try Self.second(text, hourMax: 23) } ?? 0
        let end = try to.map { text throws(ScheduleError) in try Self.second(text, hourMax: 24) } ?? 86_400
        endSecond = end == 0 ? 86_400 : end
        guard beginSecond != end else {
            throw ScheduleError(
                problem: "a window that ends when it begins is empty", remedy: "leave both out for whole days")
        }
        weekdays = try days.map { text throws(ScheduleError) in try Self.weekdays(text) } ?? Weekdays.all
    }

    /// Whether it holds at all times.
    public var isAlways: Bool { beginSecond == 0 && endSecond == 86_400 && weekdays == Weekdays.all }

    /// When it begins, if not with the day.
    public var from: String? { beginSecond == 0 ? nil : Self.text(beginSecond) }
    /// When it ends, if not with the day.
    public var to: String? { endSecond == 86_400 ? nil : Self.text(endSecond) }
    /// The days on which it begins, if not all.
    public var days: String? { weekdays == Weekdays.all ? nil : Weekdays.text(weekdays) }

    /// Whether it holds when the clock shows a time, which is counted like seconds since 1970.
    func holds(atWallTime wall: Int64) -> Bool {
        let day = wall.floorDivided(by: 86_400)
        let second = wall - day * 86_400
        let isToday = weekdays.contains(CivilDate.weekday(ofDayNumber: Int(day)))
        guard endSecond < beginSecond else { return isToday && second >= beginSecond && second < endSecond }
        let isYesterday = weekdays.contains(CivilDate.weekday(ofDayNumber: Int(day) - 1))
        return isToday && second >= beginSecond || isYesterday && second < endSecond
    }

    private static func second(_ text: String, hourMax: Int64) throws(ScheduleError) -> Int64 {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in
            (1...2).contains(part.count) && part.allSatisfy { $0.isASCII && $0.isNumber } ? Int64(part) : nil
        }
        guard parts.count == 2, numbers.count == 2, numbers[0] <= hourMax, numbers[1] <= 59,
            numbers[0] < 24 || numbers[1] == 0
        else {
            throw ScheduleError(
                problem: "\(text) is no time of day",
                remedy: "write HOUR:MINUTE, from 00:00 to \(hourMax == 24 ? "24:00" : "23:59")")
        }
        return numbers[0] * 3600 + numbers[1] * 60
    }

    private static func weekdays(_ text: String) throws(ScheduleError) -> Set<Int> {
        try Weekdays.set(text.filter { $0 != " " }[...]) { name in
            ScheduleError(problem: "\(name) is no weekday", remedy: "write Mon, Tue, Wed, Thu, Fri, Sat or Sun")
        }
    }

    private static func text(_ second: Int64) -> String {
        let parts = [second / 3600, second / 60 % 60]
        return parts.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }
}
