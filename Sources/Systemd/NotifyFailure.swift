public import FerryCore
import Glibc

/// The service manager could not be told something.
public struct NotifyFailure: Failure, Hashable {
    /// Its socket, from NOTIFY_SOCKET.
    public let address: String
    /// The system's error number.
    public let number: Int32

    /// `temporary` when its queue is full or it restarts; else `permanent`.
    public var disposition: Disposition {
        [EAGAIN, ENOBUFS, ECONNREFUSED, ENOENT].contains(number) ? .temporary : .permanent
    }
    /// Which socket, and the system's reason.
    public var cause: String {
        "can't tell systemd at \(address.printable): \(String(cString: strerror(number)))"
    }
    /// What to do about it.
    public var remedy: String { "the service goes on; if it persists, see what NOTIFY_SOCKET says and NotifyAccess=" }
}
