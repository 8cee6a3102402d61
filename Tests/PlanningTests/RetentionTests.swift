import FerryCore
import FoundationEssentials
import Planning
import Testing

/// A time of 2024 in UTC, as in `03-01 12:30`.
private func time(_ text: String) -> Date {
    let style = Date.ISO8601FormatStyle(dateTimeSeparator: .space)
    guard let date = try? Date("2024-\(text):00Z", strategy: style) else {
        preconditionFailure("\(text) is no time")
    }
    return date
}

/// Snapshots as in `a1 03-01 12:30`: name and id, then the time.
private func snapshots(_ lines: String...) -> [RetainedSnapshot] {
    lines.map { line in
        let word = line.prefix { $0 != " " }
        let identity = SnapshotIdentity(
            id: UInt64(word.drop { !$0.isNumber }) ?? 0, name: String(word.prefix { !$0.isNumber }))
        return RetainedSnapshot(identity: identity, time: time(String(line.dropFirst(word.count + 1))))
    }
}

private func rules(
    last: Int = 0, hourly: Int = 0, daily: Int = 0, weekly: Int = 0, monthly: Int = 0, also: [String] = []
) -> Retention {
    var rules = RetentionRules()
    (rules.last, rules.hourly, rules.daily, rules.weekly, rules.monthly) = (last, hourly, daily, weekly, monthly)
    rules.also = also.map { ImagePattern($0) }
    return .rules(rules)
}

extension Retention {
    /// Ids of what can go; names that begin with `f` are ours.
    fileprivate func removes(
        _ snapshots: [RetainedSnapshot], held: Set<UInt64> = [], now: String = "12-31 23:59"
    ) -> [UInt64] {
        removable(of: snapshots, held: held, now: time(now)) { $0.hasPrefix("f") }.map(\.id)
    }
}

@Suite("Which snapshots stay")
struct RetentionTests {
    private let days = snapshots(
        "f1 02-25 22:00", "f2 02-25 23:59", "f3 02-26 00:00", "f4 02-29 12:00", "f5 02-29 12:59", "f6 03-01 00:00",
        "f7 03-01 00:30", "f8 03-04 09:00")

    @Test(
        "each rule keeps the newest of its periods that have one; the rest goes, oldest first",
        arguments: [
            (rules(last: 3), [1, 2, 3, 4, 5]), (rules(hourly: 3), [1, 2, 3, 4, 6]), (rules(daily: 1), Array(1...7)),
            (rules(daily: 4), [1, 2, 4, 6]),
            // 25 February 2024 and 3 March 2024 are Sundays.
            (rules(weekly: 2), [1, 2, 3, 4, 5, 6]), (rules(weekly: 3), [1, 3, 4, 5, 6]),
            (rules(monthly: 2), [1, 2, 3, 4, 6, 7]), (rules(last: 1, daily: 2, monthly: 9), [1, 2, 3, 4, 6]),
            (rules(last: 100), []), (.all, []),
        ] as [(Retention, [UInt64])])
    func tables(retention: Retention, expected: [UInt64]) {
        #expect(retention.removes(days.shuffled()) == expected)
    }

    @Test("rules that keep nothing keep what is held, and only that")
    func nothing() {
        #expect(rules().removes(days, held: [2, 8, 99]) == [1, 3, 4, 5, 6, 7])
        #expect(rules(daily: 1).removes(days, held: [1]) == [2, 3, 4, 5, 6, 7])
    }

    @Test("numbers below zero keep nothing, and the greatest ones everything that has a period of its own")
    func extremeCounts() {
        let least = rules(last: .min, hourly: -1, daily: .min, weekly: .min, monthly: .min)
        #expect(least.removes(days) == Array(1...8))
        let most = rules(hourly: .max, daily: .max, weekly: .max, monthly: .max)
        #expect(most.removes(days) == [4, 6])
        #expect(rules(last: .max).removes(days) == [])
    }

    @Test("what we did not make is neither removed nor counted")
    func others() {
        let mixed = snapshots("f1 03-01 00:00", "u2 03-02 00:00", "f3 03-03 00:00", "u4 03-04 00:00")
        #expect(rules(last: 2).removes(mixed) == [])
        #expect(rules(last: 1).removes(mixed) == [1])
        #expect(rules().removes(mixed) == [1, 3])
    }

    @Test("what the rules also name is counted and removed like ours")
    func also() {
        let mixed = snapshots("f1 03-01 00:00", "nightly2 03-02 00:00", "f3 03-03 00:00", "u4 03-04 00:00")
        #expect(rules(last: 2, also: ["nightly*"]).removes(mixed) == [1])
        #expect(rules(also: ["x", "night*"]).removes(mixed, held: [1]) == [2, 3])
    }

    @Test("snapshots from the future stay and take no other's place")
    func future() {
        let now = "02-29 12:30"
        #expect(rules(last: 1).removes(days, now: now) == [1, 2, 3])
        #expect(rules().removes(days, now: now) == [1, 2, 3, 4])
        #expect(rules(daily: 1).removes(days, now: "02-25 22:00") == [])
    }

    @Test("of snapshots of the same time the one with the highest id is the newest")
    func ties() {
        let same = snapshots("f3 03-01 00:00", "f1 03-01 00:00", "f2 03-01 00:00")
        #expect(rules(last: 1).removes(same) == [1, 2])
        #expect(rules(monthly: 3).removes(same) == [1, 2])
    }

    @Test("times that are none, and times beyond the calendar, do no harm")
    func oddTimes() {
        let odd = [Double.nan, -.infinity, .infinity, -1e300].enumerated().map { index, seconds in
            RetainedSnapshot(
                identity: SnapshotIdentity(id: UInt64(index), name: "f"), time: Date(timeIntervalSince1970: seconds))
        }
        #expect(rules(hourly: 1, monthly: 1).removes(odd).count == 1)
    }

    @Test("a catch-up also sends what the rules over periods want, oldest first, and not what only `last` wants")
    func inBetween() {
        let now = time("03-04 09:00")
        func wanted(_ retention: Retention) -> [UInt64] {
            retention.wantedInBetween(of: days.shuffled(), now: now).map(\.id)
        }
        #expect(wanted(rules(last: 5)) == [])
        #expect(wanted(rules(last: 5, daily: 3)) == [5, 7, 8])
        #expect(wanted(rules(weekly: 9, monthly: 2)) == [2, 5, 7, 8])
        #expect(wanted(.all) == Array(1...8))
        #expect(Retention.all.wantedInBetween(of: days, now: time("02-26 00:00")).map(\.id) == [1, 2, 3])
    }
}
