import FoundationEssentials

/// A stretch of the calendar, in UTC.
enum Period {
    case hour, day
    /// Monday to Sunday.
    case week
    case month

    /// A number that all times of one such period share, and that grows with time.
    func number(of time: Date) -> Int64 {
        let seconds = Self.seconds(of: time)
        let day = seconds.floorDivided(by: 86400)
        switch self {
        case .hour: return seconds.floorDivided(by: 3600)
        case .day: return day
        // Day 0, 1 January 1970, was a Thursday.
        case .week: return (day + 3).floorDivided(by: 7)
        case .month:
            let date = CivilDate(dayNumber: Int(day))
            return Int64(date.year * 12 + date.month)
        }
    }

    /// Whole seconds since 1970; what is over 10000 years away is brought closer, so that no sum overflows.
    private static func seconds(of time: Date) -> Int64 {
        let farthest = 10_000 * 366 * 86400.0
        let seconds = time.timeIntervalSince1970.rounded(.down)
        return seconds.isNaN ? 0 : Int64(min(max(seconds, -farthest), farthest))
    }
}
