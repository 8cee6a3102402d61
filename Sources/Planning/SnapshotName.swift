import FerryCore
public import FoundationEssentials

/// How we name the snapshots that we make.
public enum SnapshotName {
    /// What the names of snapshots that an export makes for itself begin with.
    public static let temporaryPrefix = "ferry-export-"
    private static let ownPrefix = "ferry-"
    private static let repairedSuffix = ".repaired"
    private static let format = Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted)

    /// `ferry-YYYYMMDDTHHMMSSZ` in UTC, with `-2`, `-3` and so on behind it while the name is taken.
    public static func own(at time: Date, taken: Set<String>) -> String {
        free(ownPrefix + time.formatted(format), taken)
    }

    /// What a mirror calls the snapshot that replaces its wrong copy of `name`: that with `.repaired` behind it, and `-2`,
    /// `-3` and so on while the name is taken. A name that leaves no room for it is cut.
    public static func repaired(_ name: String, taken: Set<String>) -> String {
        var stem = name
        while stem.utf8.count > Limits.nameByteCountMax - 32 { stem.removeLast() }
        return free(stem + repairedSuffix, taken)
    }

    private static func free(_ stem: String, _ taken: Set<String>) -> String {
        guard taken.contains(stem) else { return stem }
        var number = 2
        while taken.contains("\(stem)-\(number)") { number += 1 }
        return "\(stem)-\(number)"
    }

    /// The second at which a snapshot of ours, or the one that was repaired by it, was made; nil for names that are not ours.
    public static func ownTime(_ name: String) -> Date? {
        guard name.hasPrefix(ownPrefix) else { return nil }
        let pieces = name.dropFirst(ownPrefix.count).split(separator: ".", omittingEmptySubsequences: false)
        guard let own = pieces.first, pieces.count <= 2 else { return nil }
        if pieces.count == 2, stem(ofNumbered: pieces[1]) != repairedSuffix.dropFirst() { return nil }
        guard let stem = stem(ofNumbered: own), stem.utf8.count == 16,
            let time = try? Date(String(stem), strategy: format), time.formatted(format) == stem
        else { return nil }
        return time
    }

    /// What stands in front of a number from 2 on; all where there is none, nil where it is none.
    private static func stem(ofNumbered text: Substring) -> Substring? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 1 || parts.count == 2 && Int(parts[1]).map({ $0 >= 2 }) == true else { return nil }
        return parts.first
    }

    /// Whether a name is one of ours.
    public static func isOwn(_ name: String) -> Bool { ownTime(name) != nil }
}
