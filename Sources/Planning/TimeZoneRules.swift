/// How far the clocks of a place are ahead of UTC, and since when.
struct TimeZoneRules: Hashable, Sendable {
    /// A change of the clocks.
    struct Change: Hashable, Sendable {
        /// In seconds since 1970.
        var instant: Int64
        /// What clocks are ahead of UTC from then on.
        var offsetSeconds: Int64
    }

    /// UTC itself.
    static let utc = TimeZoneRules(firstOffsetSeconds: 0, changes: [], later: nil)

    /// Before the first change.
    var firstOffsetSeconds: Int64
    /// In order of time.
    var changes: [Change]
    /// What holds from the last change on; nil: that change's offset.
    var later: YearlyClockRule?

    /// Seconds that clocks are ahead of UTC at an instant, which is in seconds since 1970.
    func offset(at instant: Int64) -> Int64 {
        let index = changes.partitioningIndex { $0.instant > instant }
        if index == changes.count, let later { return later.offset(at: instant) }
        return index == 0 ? firstOffsetSeconds : changes[index - 1].offsetSeconds
    }
}

/// When a clock shows a time. Wall times are counted like instants, as if the clock showed UTC.
enum WallTimeMoment: Hashable {
    /// At this instant and no other.
    case once(Int64)
    /// Twice, because clocks are put back; the second showing goes on until the wall time `repeatedUntil`.
    case twice(first: Int64, repeatedUntil: Int64)
    /// Never, because clocks are put forward, to the wall time `resumingAt`.
    case never(resumingAt: Int64)
}

extension TimeZoneRules {
    /// When clocks show a time, which is between the years 1970 and 2200.
    func moment(ofWallTime wall: Int64) -> WallTimeMoment {
        let before = offset(at: wall - Self.offsetSecondsMax)
        let after = offset(at: wall + Self.offsetSecondsMax)
        guard before != after else { return .once(wall - before) }
        let change = changeInstant(between: wall - Self.offsetSecondsMax, and: wall + Self.offsetSecondsMax)
        if wall < change + min(before, after) { return .once(wall - before) }
        if wall >= change + max(before, after) { return .once(wall - after) }
        return before > after
            ? .twice(first: wall - before, repeatedUntil: change + before)
            : .never(resumingAt: change + after)
    }

    /// The first instant after `low`, up to `high`, with another offset than at `low`.
    func changeInstant(between low: Int64, and high: Int64) -> Int64 {
        let before = offset(at: low)
        var (same, other) = (low, high)
        while other - same > 1 {
            let middle = same + (other - same) / 2
            if offset(at: middle) == before { same = middle } else { other = middle }
        }
        return other
    }

    /// No clock differs from UTC by more: 26 hours.
    static let offsetSecondsMax: Int64 = 26 * 3_600
}

extension RandomAccessCollection where Index == Int {
    /// The index of the first element that satisfies a condition which holds for all elements after it too.
    func partitioningIndex(where condition: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if condition(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
