import FoundationEssentials
import Testing

@testable import Planning

@Suite("Calendar events")
struct CalendarEventTests {
    @Test(
        "are due when they say",
        arguments: [
            ("Mon..Fri 02:30", "2026-03-27T02:30:00Z", ["2026-03-30T02:30:00Z", "2026-03-31T02:30:00Z"]),
            ("Sat,Sun", "2026-03-26T12:00:00Z", ["2026-03-28T00:00:00Z", "2026-03-29T00:00:00Z"]),
            ("monday, 1:2:3", "2026-03-26T12:00:00Z", ["2026-03-30T01:02:03Z", "2026-04-06T01:02:03Z"]),
            ("*-02-29", "2026-03-26T12:00:00Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
            ("*-*-31 12:00", "2026-03-31T12:00:00Z", ["2026-05-31T12:00:00Z", "2026-07-31T12:00:00Z"]),
            ("*-*~1", "2028-01-31T00:00:00Z", ["2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z"]),
            ("Mon *-05~07/1", "2026-01-01T00:00:00Z", ["2026-05-25T00:00:00Z", "2027-05-31T00:00:00Z"]),
            ("*-*~2..8/3", "2026-02-01T00:00:00Z", ["2026-02-21T00:00:00Z", "2026-02-24T00:00:00Z"]),
            ("30-1,7-1", "2026-01-01T00:00:00Z", ["2030-01-01T00:00:00Z", "2030-07-01T00:00:00Z"]),
            ("*:5/25", "2026-01-01T00:31:00Z", ["2026-01-01T00:55:00Z", "2026-01-01T01:05:00Z"]),
            ("8..17/4:30", "2026-01-01T09:00:00Z", ["2026-01-01T12:30:00Z", "2026-01-01T16:30:00Z"]),
            ("*:*:0/30", "2026-01-01T00:00:00Z", ["2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"]),
            ("2026-1-1 1:00", "2026-01-01T00:00:00Z", ["2026-01-01T01:00:00Z"]),
            ("*-02-30", "2026-01-01T00:00:00Z", []),
            ("hourly", "2026-01-01T00:00:00Z", ["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]),
            ("Semi-Annually", "2026-01-01T00:00:00Z", ["2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
            ("02:30 Asia/Kolkata", "2026-01-01T00:00:00Z", ["2026-01-01T21:00:00Z", "2026-01-02T21:00:00Z"]),
        ])
    func due(text: String, after: String, expected: [String]) throws {
        #expect(try Array(dueTimes(text, after: after).prefix(expected.isEmpty ? 1 : 2)) == expected)
    }

    @Test(
        "skip what clocks skip, and are due once when clocks show a time twice",
        arguments: [
            ("02:30", "2026-03-28T12:00:00Z", ["2026-03-30T00:30:00Z"]),
            ("*:0/30", "2026-03-29T00:10:00Z", ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"]),
            ("02:30", "2026-10-24T12:00:00Z", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
            ("*:0/30", "2026-10-25T00:10:00Z", ["2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"]),
            ("*:0/30", "2026-10-25T01:10:00Z", ["2026-10-25T02:00:00Z", "2026-10-25T02:30:00Z"]),
            ("*-3-25..31 02:30", "2100-03-27T12:00:00Z", ["2100-03-29T00:30:00Z", "2100-03-30T00:30:00Z"]),
        ])
    func clockChanges(text: String, after: String, expected: [String]) throws {
        let zone = try TimeZoneDatabase.zone(named: "Europe/Berlin")
        #expect(try dueTimes(text, after: after, zone).starts(with: expected))
    }

    @Test("that are not understood say which part is wrong", arguments: refusals)
    func refused(text: String, problem: String) {
        let error = #expect(throws: ScheduleError.self) { try CalendarEvent(text, hostZone: .utc) }
        #expect(error?.problem == "calendar event \"\(text)\": \(problem)")
        #expect(error?.remedy.isEmpty == false)
    }

    private static let refusals = [
        ("", "no time is named"),
        ("*", "* is neither a date nor a time"),
        ("*/15 * * * *", "*/15 is neither a date nor a time"),
        ("Tues 1:00", "Tues is no weekday and no shorthand"),
        ("dayly", "dayly is no weekday and no shorthand"),
        ("Mon,,Tue", "a weekday is missing in Mon,,Tue"),
        ("Mon..", "a weekday is missing in Mon.."),
        ("Fri..Mon", "the weekdays Fri..Mon go backwards"),
        ("Mon Tue", "Tue stands where a date or time should"),
        ("1:00 Mon", "Mon stands where a date or time should"),
        ("1:00 *-1-1", "*-1-1 is out of place"),
        ("1-2-3-4", "1-2-3-4 is no date"),
        ("2026~1-1", "2026~1-1 is no date"),
        ("1969-1-1", "the year 1969 is out of range"),
        ("2200-1-1", "the year 2200 is out of range"),
        ("*-13-1", "the month 13 is out of range"),
        ("*-1-0", "the day 0 is out of range"),
        ("*-1~29", "the day from the end of the month 29 is out of range"),
        ("24:00", "the hour 24 is out of range"),
        ("1:99999999999999999999", "the minute 99999999999999999999 is out of range"),
        ("1:2:60", "the second 60 is out of range"),
        ("1:2:3.5", "the second 3.5 has a fraction"),
        ("1:2:3:4", "1:2:3:4 is no time"),
        ("1:", "a number is missing in the minute"),
        ("1,:2", "a number is missing in the hour"),
        ("1,*:2", "the hour * is no number"),
        ("*/2:0", "* can't be repeated in the hour */2"),
        ("*:0/60", "the step 60 of the minute is out of range"),
        ("*:0/0", "the step 0 of the minute is out of range"),
        ("*:50/15", "the minute 50/15 never comes to a repetition"),
        ("5..3:0", "the hour range 5..3 goes backwards"),
        ("1:00 Europe/Berln", "there is no time zone Europe/Berln"),
        ("1:00 a/../../passwd", "there is no time zone a/../../passwd"),
    ]

    @Test("end with the year 2199, and no date makes them trap")
    func farAway() throws {
        let event = try CalendarEvent("daily", hostZone: .utc)
        let last = try Date("2199-12-31T00:00:00Z", strategy: .iso8601)
        #expect(event.next(after: last.addingTimeInterval(-0.5)) == last)
        #expect(event.next(after: last) == nil)
        #expect(event.next(after: Date(timeIntervalSince1970: -1e300)) == Date(timeIntervalSince1970: 0))
        for far in [1e12, 1e300, .infinity, .nan] {
            #expect(event.next(after: Date(timeIntervalSince1970: far)) == nil)
        }
    }

    @Test("are strictly later than a date with a fraction of a second")
    func fractions() throws {
        let event = try CalendarEvent("*:*:*", hostZone: .utc)
        #expect(event.next(after: Date(timeIntervalSince1970: 99.5)) == Date(timeIntervalSince1970: 100))
        #expect(event.next(after: Date(timeIntervalSince1970: 100)) == Date(timeIntervalSince1970: 101))
    }

    private func dueTimes(_ text: String, after: String, _ zone: TimeZoneRules = .utc) throws -> [String] {
        let event = try CalendarEvent(text, hostZone: zone)
        var date = try Date(after, strategy: .iso8601)
        var times: [String] = []
        while times.count < 3, let next = event.next(after: date) {
            times.append(next.formatted(.iso8601))
            date = next
        }
        return times
    }
}
