import Synchronization

/// Contexts that wait for their next use. Making one costs far more than a block does, and each holds memory.
///
/// A thread takes a context out, uses it alone, and puts it back, so there are at most as many as threads at work.
final class ContextPool<Context: ~Copyable>: Sendable {
    /// Contexts kept beyond their use; more than this are freed when their use ends.
    static var keptCountMax: Int { 16 }

    /// A place for a context on the heap, as an array can't hold a noncopyable value.
    ///
    /// Thread rule (why `@unchecked Sendable` holds): whoever took a box out of the pool is alone with it until it is
    /// put back; the pool's lock orders one use before the next.
    private final class Box: @unchecked Sendable {
        let context: Context

        init(_ context: consuming Context) {
            self.context = context
        }
    }

    private let idle = Mutex<[Box]>([])

    /// Lends a context that is idle, or one that `make` makes.
    func withContext<Result, Failure: Error>(
        make: () throws(Failure) -> Context, _ body: (borrowing Context) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let box: Box
        if let idleBox = idle.withLock({ $0.popLast() }) {
            box = idleBox
        } else {
            box = Box(try make())
        }
        defer {
            idle.withLock { boxes in
                if boxes.count < Self.keptCountMax { boxes.append(box) }
            }
        }
        return try body(box.context)
    }
}
