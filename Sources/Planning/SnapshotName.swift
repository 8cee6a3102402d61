/// How we name the snapshots that we make.
public enum SnapshotName {
    /// The name of a snapshot of our own: `ferry-YYYYMMDDTHHMMSSZ`, with `-2`, `-3` and so on behind it while the
    /// name is taken.
    public static func own(secondsSince1970 seconds: Int64, taken: Set<String>) -> String {
        let (year, month, day) = civil(fromDays: (seconds - modulo(seconds, 86400)) / 86400)
        let second = modulo(seconds, 86400)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let date = "\(year)\(two(month))\(two(day))"
        let stem = "ferry-\(date)T\(two(second / 3600))\(two(second / 60 % 60))\(two(second % 60))Z"
        guard taken.contains(stem) else { return stem }
        var number = 2
        while taken.contains("\(stem)-\(number)") { number += 1 }
        return "\(stem)-\(number)"
    }

    private static func modulo(_ value: Int64, _ divisor: Int64) -> Int64 {
        ((value % divisor) + divisor) % divisor
    }

    /// Days since 1970-01-01 to year, month, day: the proleptic Gregorian calendar, in eras of 400 years that
    /// begin on 1 March, so that the leap day is a year's last.
    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted - modulo(shifted, 146_097)) / 146_097
        let dayOfEra = modulo(shifted, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
