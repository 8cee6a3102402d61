import ImageStore
import Synchronization

/// Throws at the nth operation, once, as a crash there would.
final class CrashPoint: Sendable {
    private let left: Mutex<Int>
    init(_ number: Int) { left = Mutex(number) }

    /// Whether the point was reached.
    var wasReached: Bool { left.withLock { $0 < 0 } }

    func step(_ image: String) throws(StoreError) {
        let isHere = left.withLock { left in
            defer { left -= 1 }
            return left == 0
        }
        if isHere { throw StoreError(.unavailable, "go on with", image, detail: "test crash") }
    }
}
