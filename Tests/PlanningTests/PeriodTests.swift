import FoundationEssentials
import TestSupport
import Testing

@testable import Planning

@Suite("Periods of the calendar")
struct PeriodTests {
    @Test("times share a period exactly when the calendar says so, from the year 1600 to 2600")
    func asCalendar() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let utc = UTCCalendar()
        for _ in 0..<3000 {
            let time = Double.random(in: -11_676_096_000...19_880_899_200, using: &generator)
            let apart = [3600, 86400, 7 * 86400, 31 * 86400].randomElement(using: &generator) ?? 0
            let first = Date(timeIntervalSince1970: time)
            let second = first + Double.random(in: 0...Double(apart), using: &generator)
            for period in [Period.hour, .day, .week, .month] {
                let isSame = utc.key(of: first, period) == utc.key(of: second, period)
                let numbers = (period.number(of: first), period.number(of: second))
                #expect((numbers.0 == numbers.1) == isSame, "seed \(seed): \(period) of \(first) and \(second)")
                #expect(numbers.0 <= numbers.1, "seed \(seed): \(period) of \(first) and \(second)")
            }
        }
    }

    @Test("a time far beyond the calendar, and one that is none, have a period too")
    func extremes() {
        for seconds in [Double.infinity, -.infinity, .nan, 1e300, -1e300] {
            for period in [Period.hour, .day, .week, .month] {
                _ = period.number(of: Date(timeIntervalSince1970: seconds))
            }
        }
        #expect(Period.month.number(of: .distantPast) < Period.month.number(of: .distantFuture))
    }
}

/// Foundation's calendar in UTC, to compare with.
struct UTCCalendar {
    private var calendar = Calendar(identifier: .iso8601)

    init() {
        calendar.timeZone = .gmt
    }

    /// A text that all times of one period share.
    func key(of time: Date, _ period: Period) -> String {
        let fields: Set<Calendar.Component> =
            switch period {
            case .hour: [.era, .year, .month, .day, .hour]
            case .day: [.era, .year, .month, .day]
            case .week: [.yearForWeekOfYear, .weekOfYear]
            case .month: [.era, .year, .month]
            }
        let parts = calendar.dateComponents(fields, from: time)
        let numbers = [
            parts.era, parts.year, parts.yearForWeekOfYear, parts.weekOfYear, parts.month, parts.day, parts.hour,
        ]
        return numbers.map { $0.map(String.init) ?? "-" }.joined(separator: ".")
    }
}
