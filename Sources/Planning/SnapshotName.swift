public import FoundationEssentials

/// How we name the snapshots that we make.
public enum SnapshotName {
    /// What the names of snapshots that an export makes for itself begin with.
    public static let temporaryPrefix = "ferry-export-"
    private static let ownPrefix = "ferry-"
    private static let format = Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted)

    /// `ferry-YYYYMMDDTHHMMSSZ` in UTC, with `-2`, `-3` and so on behind it while the name is taken.
    public static func own(at time: Date, taken: Set<String>) -> String {
        let stem = ownPrefix + time.formatted(format)
        guard taken.contains(stem) else { return stem }
        var number = 2
        while taken.contains("\(stem)-\(number)") { number += 1 }
        return "\(stem)-\(number)"
    }

    /// The second at which a snapshot of ours was made; nil for names that are not ours.
    public static func ownTime(_ name: String) -> Date? {
        guard name.hasPrefix(ownPrefix) else { return nil }
        let parts = name.dropFirst(ownPrefix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard let stem = parts.first, stem.utf8.count == 16, parts.count <= 2,
            let time = try? Date(String(stem), strategy: format), time.formatted(format) == stem
        else { return nil }
        if parts.count == 2, Int(parts[1]).map({ $0 >= 2 }) != true { return nil }
        return time
    }

    /// Whether a name is one of ours.
    public static func isOwn(_ name: String) -> Bool { ownTime(name) != nil }
}
