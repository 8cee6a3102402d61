import SecureTransport
import Synchronization

/// Errors noted from any thread.
final class Failures: Sendable {
    private let errors = Mutex<[TransportError]>([])
    var all: [TransportError] { errors.withLock { $0 } }
    func add(_ error: TransportError) { errors.withLock { $0.append(error) } }
}
