import Planning
import SecureTransport

/// What both agents are told in the same words.
struct AgentSettings {
    /// sun_path of a unix socket's address holds so many bytes before its end.
    private static let socketPathByteCountMax = 107

    let hangAfter: TimeSpan
    let stopWithin: TimeSpan
    let control: String?
    let statusListen: HostAndPort?

    /// Reads the keys from a whole file.
    init(_ root: inout ConfigurationSection, controlPath: String, statusPort: Int) {
        hangAfter = root.timeSpan("hang-after", in: TimeLimits.hangAfter) ?? TimeSpan(seconds: 300)
        stopWithin = root.timeSpan("stop-within", in: TimeLimits.stopWithin) ?? TimeSpan(seconds: 60)
        control = Self.isNone("control", &root) ? nil : root.path("control") ?? controlPath
        let isStatusOff = Self.isNone("status-listen", &root)
        let defaultListen = HostAndPort(host: "127.0.0.1", port: statusPort)
        statusListen = isStatusOff ? nil : root.address("status-listen") ?? defaultListen
        if let control, control.utf8.count > Self.socketPathByteCountMax {
            root.note(
                "control has \(control.utf8.count) bytes, and a socket's path at most \(Self.socketPathByteCountMax)",
                "choose a shorter path", at: "control")
        }
    }

    private static func isNone(_ key: String, _ root: inout ConfigurationSection) -> Bool {
        root.isText(key) && root.text(key) == "none"
    }
}
