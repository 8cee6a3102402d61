/// Which times of which days a calendar event names, on a clock that never changes.
struct CalendarFields: Hashable, Sendable {
    /// The last year that can be named.
    static let yearMax = 2199

    /// 0 is Monday.
    var weekdays = Set(0...6)
    // The values of each of these are in order.
    var years = Array(1970...yearMax)
    var months = Array(1...12)
    var days = Array(1...31)
    /// Whether day 1 is the last of its month.
    var isDayFromEnd = false
    var hours = [0]
    var minutes = [0]
    var seconds = [0]

    /// The first time that is named from `wall` on, both counted like seconds since 1970; nil when there is none.
    func firstWallTime(from wall: Int64) -> Int64? {
        let day = Int(wall.floorDivided(by: 86_400))
        let second = Int(wall - Int64(day) * 86_400)
        if firstDay(from: day) == day, let time = firstTime(from: second) { return Int64(day) * 86_400 + Int64(time) }
        guard let later = firstDay(from: day + 1), let time = firstTime(from: 0) else { return nil }
        return Int64(later) * 86_400 + Int64(time)
    }

    /// The first time of a day from a second of the day on.
    private func firstTime(from start: Int) -> Int? {
        for hour in hours where hour >= start / 3_600 {
            for minute in minutes where hour * 60 + minute >= start / 60 {
                let minuteStart = hour * 3_600 + minute * 60
                if let second = seconds.first(where: { minuteStart + $0 >= start }) { return minuteStart + second }
            }
        }
        return nil
    }

    /// The first day from a day on, both counted from 1970.
    private func firstDay(from dayNumber: Int) -> Int? {
        let start = CivilDate(dayNumber: dayNumber)
        for year in years where year >= start.year {
            for month in months where (year, month) >= (start.year, start.month) {
                if let day = firstDay(from: dayNumber, year: year, month: month) { return day }
            }
        }
        return nil
    }

    private func firstDay(from dayNumber: Int, year: Int, month: Int) -> Int? {
        let lastOfPrevious = CivilDate(year: year, month: month, day: 1).dayNumber - 1
        let dayCount = CivilDate.dayCount(ofMonth: month, year: year)
        let candidates = isDayFromEnd ? days.reversed().map { dayCount + 1 - $0 } : days
        return candidates.lazy.filter { (1...dayCount).contains($0) }.map { lastOfPrevious + $0 }
            .first { $0 >= dayNumber && weekdays.contains(CivilDate.weekday(ofDayNumber: $0)) }
    }
}
