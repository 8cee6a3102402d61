/// A day of the Gregorian calendar.
struct CivilDate: Hashable, Sendable {
    let year: Int
    let month: Int
    let day: Int

    init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// From a number of days since 1970-01-01.
    init(dayNumber: Int) {
        // Years here begin in March, so that the leap day is the last of its year, and come in cycles of 400.
        let days = dayNumber + Self.daysFromCycleTo1970
        let cycle = days.floorDivided(by: Self.daysInCycle)
        let dayOfCycle = days - cycle * Self.daysInCycle
        let yearOfCycle =
            (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / (Self.daysInCycle - 1)) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01.
    var dayNumber: Int {
        let yearFromMarch = month <= 2 ? year - 1 : year
        let cycle = yearFromMarch.floorDivided(by: 400)
        let yearOfCycle = yearFromMarch - cycle * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfCycle = yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear
        return cycle * Self.daysInCycle + dayOfCycle - Self.daysFromCycleTo1970
    }

    /// 0 is Monday, 6 Sunday.
    static func weekday(ofDayNumber dayNumber: Int) -> Int {
        // 1970-01-01 was a Thursday.
        let days = dayNumber + 3
        return days - days.floorDivided(by: 7) * 7
    }

    /// 28 to 31.
    static func dayCount(ofMonth month: Int, year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    static func isLeap(_ year: Int) -> Bool {
        year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
    }

    private static let daysInCycle = 146_097
    /// From 0000-03-01 to 1970-01-01.
    private static let daysFromCycleTo1970 = 719_468
}

extension BinaryInteger {
    /// The quotient, rounded down for negative numbers too.
    func floorDivided(by divisor: Self) -> Self {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
