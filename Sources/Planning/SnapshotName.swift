public import FoundationEssentials

/// How we name the snapshots that we make.
public enum SnapshotName {
    /// `ferry-YYYYMMDDTHHMMSSZ` in UTC, with `-2`, `-3` and so on behind it while the name is taken.
    public static func own(at time: Date, taken: Set<String>) -> String {
        let format = Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted)
        let stem = "ferry-\(time.formatted(format))"
        guard taken.contains(stem) else { return stem }
        var number = 2
        while taken.contains("\(stem)-\(number)") { number += 1 }
        return "\(stem)-\(number)"
    }
}
