import FoundationEssentials
import TestSupport
import Testing

@testable import Planning

@Suite("Limits by the time of day")
struct RateLimitTests {
    private static let slow = ByteRate(bytesPerSecond: 1 << 20)
    private static let fast = ByteRate(bytesPerSecond: 100 << 20)

    private func limit(_ windows: [RateWindow], _ zone: String = "UTC") throws -> RateLimit {
        RateLimit(windows: windows, zone: try TimeZoneDatabase.zone(named: zone))
    }

    private func date(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

    /// The times of the next changes after a time, and the rate from then on, in MiB.
    private func changes(_ limit: RateLimit, after text: String, count: Int) throws -> [String] {
        var date = try date(text)
        var changes: [String] = []
        while changes.count < count, let next = limit.nextChange(after: date) {
            let rate = limit.rate(at: next).map { "\($0.bytesPerSecond >> 20)" } ?? "none"
            changes.append("\(next.formatted(.iso8601)) \(rate)")
            date = next
        }
        return changes
    }

    @Test("one rate holds at all times, and so does none")
    func constant() throws {
        for limit in [RateLimit(Self.slow), try RateLimit(windows: [RateWindow(rate: Self.slow)])] {
            #expect(limit.rate(at: Date(timeIntervalSince1970: 0)) == Self.slow)
            #expect(limit.nextChange(after: Date()) == nil)
        }
        #expect(RateLimit.none.rate(at: Date()) == nil && RateLimit.none.nextChange(after: Date()) == nil)
        #expect(RateLimit(nil) == .none)
    }

    @Test(
        "the first window that holds decides",
        arguments: [
            // 2026-03-27 is a Friday.
            ("2026-03-27T07:59:59Z", 100), ("2026-03-27T08:00:00Z", 1), ("2026-03-27T17:59:59Z", 1),
            ("2026-03-27T18:00:00Z", 100), ("2026-03-28T12:00:00Z", 100), ("2026-03-30T12:00:00Z", 1),
        ])
    func firstWindow(time: String, mebibytes: UInt64) throws {
        let limit = try limit([
            RateWindow(rate: Self.slow, from: "08:00", to: "18:00", days: "mon..fri"), RateWindow(rate: Self.fast),
        ])
        #expect(limit.rate(at: try date(time))?.bytesPerSecond == mebibytes << 20)
    }

    @Test(
        "a window over midnight belongs to the day on which it begins",
        arguments: [
            ("2026-03-27T21:59:59Z", false), ("2026-03-27T22:00:00Z", true), ("2026-03-28T05:59:59Z", true),
            ("2026-03-28T06:00:00Z", false), ("2026-03-28T22:30:00Z", false), ("2026-03-29T01:00:00Z", false),
            ("2026-03-27T01:00:00Z", false),
        ])
    func midnight(time: String, isSlow: Bool) throws {
        let limit = try limit([RateWindow(rate: Self.slow, from: "22:00", to: "6:00", days: "Fri")])
        #expect(limit.rate(at: try date(time)) == (isSlow ? Self.slow : nil))
    }

    @Test("changes come at the windows' ends, and only where the rate is another")
    func nextChanges() throws {
        let workdays = try limit([
            RateWindow(rate: Self.slow, from: "08:00", to: "12:00", days: "Mon..Fri"),
            RateWindow(rate: Self.slow, from: "12:00", to: "18:00", days: "Mon..Fri"), RateWindow(rate: Self.fast),
        ])
        #expect(
            try changes(workdays, after: "2026-03-27T07:00:00Z", count: 3) == [
                "2026-03-27T08:00:00Z 1", "2026-03-27T18:00:00Z 100", "2026-03-30T08:00:00Z 1",
            ])
        let sunday = try limit([RateWindow(rate: nil, from: nil, to: nil, days: "sun"), RateWindow(rate: Self.slow)])
        #expect(
            try changes(sunday, after: "2026-03-23T00:00:00Z", count: 2) == [
                "2026-03-29T00:00:00Z none", "2026-03-30T00:00:00Z 1",
            ])
        let same = try limit([
            RateWindow(rate: Self.slow, from: "01:00", to: "02:00", days: nil), RateWindow(rate: Self.slow),
        ])
        #expect(same.nextChange(after: try date("2026-03-23T00:00:00Z")) == nil)
    }

    @Test("when clocks are put forward, a window that begins in the skipped hour begins after it")
    func forward() throws {
        // Berlin skips 02:00 to 03:00 on 2026-03-29: at 01:00 in UTC.
        let limit = try limit([RateWindow(rate: Self.slow, from: "02:30", to: "04:00", days: nil)], "Europe/Berlin")
        #expect(
            try changes(limit, after: "2026-03-28T00:00:00Z", count: 4) == [
                "2026-03-28T01:30:00Z 1", "2026-03-28T03:00:00Z none", "2026-03-29T01:00:00Z 1",
                "2026-03-29T02:00:00Z none",
            ])
        let skipped = try self.limit(
            [RateWindow(rate: Self.slow, from: "02:00", to: "03:00", days: "Sun")], "Europe/Berlin")
        #expect(
            try changes(skipped, after: "2026-03-28T00:00:00Z", count: 1) == ["2026-04-05T00:00:00Z 1"])
    }

    @Test("when clocks are put back, a window holds in both of the hours that they show twice")
    func backward() throws {
        // Berlin shows 02:00 to 03:00 twice on 2026-10-25: from 00:00 to 02:00 in UTC.
        let limit = try limit([RateWindow(rate: Self.slow, from: "02:30", to: "04:00", days: nil)], "Europe/Berlin")
        #expect(
            try changes(limit, after: "2026-10-24T12:00:00Z", count: 4) == [
                "2026-10-25T00:30:00Z 1", "2026-10-25T01:00:00Z none", "2026-10-25T01:30:00Z 1",
                "2026-10-25T03:00:00Z none",
            ])
        let night = try self.limit(
            [RateWindow(rate: Self.slow, from: "22:00", to: "06:00", days: nil)], "Europe/Berlin")
        #expect(
            try changes(night, after: "2026-10-24T12:00:00Z", count: 2) == [
                "2026-10-24T20:00:00Z 1", "2026-10-25T05:00:00Z none",
            ])
    }

    @Test("the next change is where the rate first is another, whatever the windows and the zone")
    func property() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("limits: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<40 {
            let zone = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"].randomElement(
                using: &generator)
            let windows = try (0..<Int.random(in: 1...3, using: &generator)).map { _ in try Self.window(&generator) }
            let limit = try limit(windows, zone ?? "UTC")
            let start = Int.random(in: 1_770_000_000...1_800_000_000, using: &generator) / 60 * 60
            let change = limit.nextChange(after: Date(timeIntervalSince1970: Double(start)))
            // A minute is the finest grain of windows and of clocks' changes.
            let expected = (1...3 * 1440).lazy.map { Date(timeIntervalSince1970: Double(start + $0 * 60)) }
                .first { limit.rate(at: $0) != limit.rate(at: Date(timeIntervalSince1970: Double(start))) }
            if let expected { #expect(change == expected, "seed \(seed): \(windows) from \(start) in \(zone ?? "")") }
            let isLater = change.map { $0.timeIntervalSince1970 > Double(start + 3 * 86_400) } ?? true
            if expected == nil { #expect(isLater, "seed \(seed): \(windows) from \(start) in \(zone ?? "")") }
        }
    }

    private static func window(_ generator: inout SeededGenerator) throws -> RateWindow {
        let (from, to) = (Int.random(in: 0...23, using: &generator), Int.random(in: 0...23, using: &generator))
        let days = ["Mon..Fri", "Sat,Sun", "Wed", nil].randomElement(using: &generator) ?? nil
        let rate = [slow, fast, nil].randomElement(using: &generator) ?? nil
        let minute = Int.random(in: 0...59, using: &generator)
        return try RateWindow(
            rate: rate, from: "\(from):\(minute)", to: "\(to == from ? (to + 1) % 24 : to):\(minute)", days: days)
    }

    @Test("no date makes them trap")
    func farAway() throws {
        let limit = try limit([RateWindow(rate: Self.slow, from: "02:30", to: "04:00", days: nil)], "Europe/Berlin")
        for far in [-1e300, -1, 1e12, 1e300, .infinity, -.infinity, .nan] {
            let date = Date(timeIntervalSince1970: far)
            #expect(limit.rate(at: date) == limit.rate(at: date))
            _ = limit.nextChange(after: date)
        }
    }

    @Test("windows are shown as they are read")
    func shown() throws {
        let window = try RateWindow(rate: nil, from: "8:05", to: "24:00", days: "mon,tue,wed,sun")
        #expect(window.from == "08:05" && window.to == nil && window.days == "Mon..Wed,Sun" && !window.isAlways)
        #expect(try RateWindow(rate: nil, from: "22:00", to: "00:00", days: nil).to == nil)
        #expect(try RateWindow(rate: nil, from: nil, to: nil, days: "Mon..Sun").isAlways)
    }

    @Test(
        "windows that are not understood say why",
        arguments: [
            ("8", nil, nil, "8 is no time of day"), ("24:00", nil, nil, "24:00 is no time of day"),
            ("08:60", nil, nil, "08:60 is no time of day"), ("-8:00", nil, nil, "-8:00 is no time of day"),
            ("8:00:00", nil, nil, "8:00:00 is no time of day"), (nil, "24:01", nil, "24:01 is no time of day"),
            ("08:00", "8:00", nil, "a window that ends when it begins is empty"),
            (nil, "00:00", nil, "a window that ends when it begins is empty"),
            (nil, nil, "Mond", "Mond is no weekday"), (nil, nil, "Fri..Mon", "the weekdays Fri..Mon go backwards"),
            (nil, nil, "Mon,,Tue", "a weekday is missing in Mon,,Tue"), (nil, nil, "", "a weekday is missing in "),
        ] as [(String?, String?, String?, String)])
    func refused(from: String?, to: String?, days: String?, problem: String) {
        let error = #expect(throws: ScheduleError.self) {
            try RateWindow(rate: Self.slow, from: from, to: to, days: days)
        }
        #expect(error?.problem == problem)
        #expect(error?.remedy.isEmpty == false)
    }
}
