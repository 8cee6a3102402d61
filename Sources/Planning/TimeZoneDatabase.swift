import FoundationEssentials

/// The host's time zone files: the same that systemd's timers go by.
enum TimeZoneDatabase {
    private static let folder = "/usr/share/zoneinfo"
    private static let hostFile = "/etc/localtime"
    private static let fileByteCountMax = 1 << 20

    /// The zone of a name such as `Europe/Berlin`.
    static func zone(named name: String) throws(ScheduleError) -> TimeZoneRules {
        if name.uppercased() == "UTC" { return .utc }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isName = parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(isAllowed) }
        guard isName, let bytes = contents("\(folder)/\(name)") else {
            throw ScheduleError(
                problem: "there is no time zone \(name)",
                remedy: "write UTC or a name of \(folder), such as Europe/Berlin (Debian: package tzdata)")
        }
        return try rules(bytes, "\(folder)/\(name)")
    }

    /// The host's own zone, as C programs find it: by the variable TZ, or else by /etc/localtime, or else UTC.
    static func hostZone(
        variable: String? = ProcessInfo.processInfo.environment["TZ"]
    ) throws(ScheduleError) -> TimeZoneRules {
        guard let variable else {
            guard let bytes = contents(hostFile) else { return .utc }
            return try rules(bytes, hostFile)
        }
        let name = variable.hasPrefix(":") ? String(variable.dropFirst()) : variable
        if name.isEmpty { return .utc }
        let path = name.hasPrefix("/") ? name : "\(folder)/\(name)"
        if let bytes = contents(path) { return try rules(bytes, path) }
        guard let rule = YearlyClockRule(name) else {
            throw ScheduleError(
                problem: "the variable TZ is \(variable), which is no time zone",
                remedy: "set it to a name of \(folder)")
        }
        return TimeZoneRules(firstOffsetSeconds: rule.offsetSeconds, changes: [], later: rule)
    }

    /// Without dots, so that a name does not lead out of the folder.
    private static func isAllowed(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "+-_".contains(character))
    }

    private static func contents(_ path: String) -> [UInt8]? {
        guard let data = FileManager.default.contents(atPath: path), data.count <= fileByteCountMax else { return nil }
        return [UInt8](data)
    }

    private static func rules(_ bytes: [UInt8], _ path: String) throws(ScheduleError) -> TimeZoneRules {
        guard let file = TimeZoneFile(bytes) else {
            throw ScheduleError(
                problem: "\(path) is no time zone file that can be read", remedy: "install the package tzdata again")
        }
        return file.rules
    }
}
