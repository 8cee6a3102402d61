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
        let day = Self.quotient(seconds, 86400)
        switch self {
        case .hour: return Self.quotient(seconds, 3600)
        case .day: return day
        // Day 0, 1 January 1970, was a Thursday.
        case .week: return Self.quotient(day + 3, 7)
        case .month: return Self.month(ofDay: day)
        }
    }

    /// Whole seconds since 1970; what is over 10000 years away is brought closer, so that no sum overflows.
    private static func seconds(of time: Date) -> Int64 {
        let farthest = 10_000 * 366 * 86400.0
        let seconds = time.timeIntervalSince1970.rounded(.down)
        return seconds.isNaN ? 0 : Int64(min(max(seconds, -farthest), farthest))
    }

    /// Rounded down, also below zero.
    private static func quotient(_ dividend: Int64, _ divisor: Int64) -> Int64 {
        let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// Months since March of year 0 of the Gregorian calendar.
    ///
    /// Years are taken to begin in March, so that the leap day is a year's last; 400 of them have 146097 days, and
    /// five months from March or August on have 153.
    private static func month(ofDay day: Int64) -> Int64 {
        let sinceMarch0 = day + 719_468
        let era = quotient(sinceMarch0, 146_097)
        let dayOfEra = sinceMarch0 - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        return (era * 400 + yearOfEra) * 12 + (5 * dayOfYear + 2) / 153
    }
}
