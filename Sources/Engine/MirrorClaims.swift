import Synchronization

/// The mirrors that this process is at work on. A store's lock keeps other processes out; this keeps our own
/// connections from each other.
public final class MirrorClaims: Sendable {
    private let names = Mutex(Set<String>())

    /// No claims.
    public init() {}

    /// Claims a mirror. Throws `.imageBusy` when it is claimed.
    func claim(_ name: String) throws(EngineError) {
        guard names.withLock({ $0.insert(name).inserted }) else { throw .imageBusy(name) }
    }

    /// Gives a claim back.
    func release(_ name: String) {
        names.withLock { _ = $0.remove(name) }
    }
}
