import FoundationEssentials

/// One JSON object: `time` (UTC, milliseconds), `level`, `message`, then the details by their keys. All values are
/// texts, and ASCII only. A detail whose key is one of the first three gets `detail_` in front.
struct JSONLayout: LogLayout {
    private static let ownKeys: Set = ["time", "level", "message"]

    func line(_ entry: LogEntry) -> String {
        let time = entry.time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        let own = [("time", time), ("level", "\(entry.level)"), ("message", entry.message)]
        let details = entry.details.map { (Self.ownKeys.contains($0.key) ? "detail_\($0.key)" : $0.key, $0.value) }
        return "{\((own + details).map { "\(Self.quoted($0)):\(Self.quoted($1))" }.joined(separator: ","))}"
    }

    /// Everything that is not plain ASCII is escaped, so that no reader has to agree with us on what may break a line
    /// or steer a terminal. Source: RFC 8259, section 7.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for unit in text.utf16 {
            switch unit {
            case 0x22: quoted += "\\\""
            case 0x5C: quoted += "\\\\"
            case 0x0A: quoted += "\\n"
            case 0x20...0x7E: quoted.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            default: quoted += "\\u" + String(UInt32(unit) + 0x10000, radix: 16).dropFirst()
            }
        }
        return quoted + "\""
    }
}
