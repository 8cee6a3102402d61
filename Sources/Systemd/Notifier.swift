/// Tells systemd how the service is; does nothing outside of it. Source: sd_notify(3).
public struct Notifier: Sendable {
    /// The seconds within which the watchdog wants to hear from us; nil when there is none.
    public let watchdogSeconds: Double?

    /// From the environment: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID.
    public init(environment: [String: String]) { watchdogSeconds = nil }

    /// The service is up.
    public func ready(status: String) {}
    /// One line for `systemctl status`.
    public func status(_ text: String) {}
    /// The service moves.
    public func watchdog() {}
    /// The configuration is being read again; `ready` follows.
    public func reloading() {}
    /// The service is ending.
    public func stopping(status: String) {}
}
