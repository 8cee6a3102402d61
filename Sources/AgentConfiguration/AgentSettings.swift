public import Planning
public import SecureTransport

/// What both agents are told in the same words.
public struct AgentSettings: Sendable, Hashable {
    /// sun_path of a unix socket's address holds so many bytes before its end.
    private static let socketPathByteCountMax = 107

    /// An agent in which nothing moves for so long ends itself.
    public var hangAfter: TimeSpan
    /// How long running transfers may go on after a stop is asked for.
    public var stopWithin: TimeSpan
    /// The control socket's path, at most 107 bytes; nil: there is none.
    public var control: String?
    /// Where status and metrics are served; nil: nowhere.
    public var statusListen: HostAndPort?

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
