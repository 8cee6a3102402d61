import FerryCore
import Glibc
import Synchronization

/// Tells systemd how the service is; does nothing outside of it. Source: sd_notify(3).
///
/// It never waits and never fails the service. What could not be told is counted, and a change of state that could not
/// be told goes with the next message.
public struct Notifier: Sendable {
    /// The seconds within which the watchdog wants to hear from us; nil when there is none. Tell it twice as often.
    public let watchdogSeconds: Double?
    private let channel: Channel?

    /// From the environment: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID.
    public init(environment: [String: String]) { self.init(environment: environment, processID: getpid()) }

    /// For a process of this number, to which the watchdog's settings may or may not apply.
    init(environment: [String: String], processID: Int32) {
        watchdogSeconds = Self.watchdogSeconds(environment, processID)
        channel = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : Channel(address: $0) }
    }

    /// Whether there is a service manager that listens.
    public var isActive: Bool { channel != nil }
    /// Messages that could not be sent, so far.
    public var failureCount: UInt64 { channel?.state.withLock { $0.failureCount } ?? 0 }
    /// Why the last message could not be sent; nil when it could.
    public var lastFailure: NotifyFailure? { channel?.state.withLock { $0.lastFailure } ?? nil }

    /// The service is up, or done with reading its configuration again.
    public func ready(status: String) { channel?.change(to: "READY=1\n\(Self.field(status: status))") }
    /// One line for `systemctl status`.
    public func status(_ text: String) { channel?.send(Self.field(status: text)) }
    /// The service moves.
    public func watchdog() { channel?.send("WATCHDOG=1") }
    /// The configuration is being read again; `ready` follows.
    public func reloading() { channel?.change(to: "RELOADING=1\nMONOTONIC_USEC=\(Self.monotonicMicroseconds())") }
    /// The service is ending.
    public func stopping(status: String) { channel?.change(to: "STOPPING=1\n\(Self.field(status: status))") }
    /// Starting or stopping takes up to so many seconds more, counted from now. To be said again before they are over.
    public func extendTimeout(seconds: Double) {
        let microseconds = UInt64(exactly: (seconds * 1_000_000).rounded(.up)) ?? 0
        if microseconds > 0 { channel?.send("EXTEND_TIMEOUT_USEC=\(microseconds)") }
    }

    /// Text stays one field: what a peer or a name says must not become a line of its own.
    private static func field(status text: String) -> String { "STATUS=\(text.printable)" }

    /// Source: sd_watchdog_enabled(3).
    private static func watchdogSeconds(_ environment: [String: String], _ processID: Int32) -> Double? {
        guard let text = environment["WATCHDOG_USEC"], let microseconds = UInt64(text),
            microseconds > 0, microseconds < .max
        else { return nil }
        if let process = environment["WATCHDOG_PID"], Int32(process) != processID { return nil }
        return Double(microseconds) / 1_000_000
    }

    /// Implements: int clock_gettime(clockid_t clockid, struct timespec *tp);
    private static func monotonicMicroseconds() -> Int {
        var now = timespec()
        _ = clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
    }
}

/// The way to the service manager, with what did not get through.
private final class Channel: Sendable {
    struct State {
        var failureCount: UInt64 = 0
        var lastFailure: NotifyFailure?
        /// The last change of state, while it is untold.
        var untold: String?
    }
    let state: Mutex<State>
    private let socket: NotifySocket?

    init(address: String) {
        do throws(NotifyFailure) {
            socket = try NotifySocket(address: address)
            state = Mutex(State())
        } catch {
            socket = nil
            state = Mutex(State(failureCount: 1, lastFailure: error))
        }
    }

    /// Tells a change of state, in place of one that is still untold.
    func change(to fields: String) { tell(fields, isChange: true) }

    /// Tells something that has no value later.
    func send(_ fields: String) { tell(fields, isChange: false) }

    private func tell(_ fields: String, isChange: Bool) {
        guard let socket else { return }
        state.withLock { state in
            if isChange { state.untold = nil }
            let message = state.untold.map { "\($0)\n\(fields)" } ?? fields
            do throws(NotifyFailure) {
                try socket.send(message)
                state.untold = nil
                state.lastFailure = nil
            } catch {
                if isChange { state.untold = fields }
                state.failureCount += 1
                state.lastFailure = error
            }
        }
    }
}
