import NIOCore
import NIOPosix

/// A fixed number of our own threads for calls that block and work that takes long, so that neither holds up
/// Swift's cooperative pool, which has one thread a core.
public final class BlockingThreads: Sendable {
    /// Threads for work that keeps a processor busy: as many as there are processors, within reason.
    public static let workerCount = min(max(System.coreCount, 2), 8)

    /// No threads: work is run by the caller, at once. For processes that have one thread and must do everything in the
    /// same order every time; it holds that thread up for as long as the work takes.
    public static let inline = BlockingThreads(pool: nil)

    private let pool: NIOThreadPool?

    /// Starts `count` threads. They live until the process ends.
    public convenience init(count: Int) {
        let pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
        self.init(pool: pool)
    }

    private init(pool: NIOThreadPool?) {
        self.pool = pool
    }

    /// Runs `body` on one of the threads and waits for it without blocking. Not cancellable: the call it makes
    /// is not either.
    ///
    /// When this returns, the thread has let go of all that `body` captured. If it did so later, it could end up with
    /// the last reference to a connection, and end that while the process exits.
    public func run<Result: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        guard let pool else { return try body() }
        let work = Work(body)
        let outcome = await withCheckedContinuation {
            (continuation: CheckedContinuation<Swift.Result<Result, Failure>, Never>) in
            pool.submit { _ in continuation.resume(returning: work.runOnce()) }
        }
        return try outcome.get()
    }
}

/// Work that is forgotten when it is done.
///
/// Thread rule (why `@unchecked Sendable` holds): made by one thread, then run by one other.
private final class Work<Result: Sendable, Failure: Error>: @unchecked Sendable {
    private var body: (@Sendable () throws(Failure) -> Result)?

    init(_ body: @escaping @Sendable () throws(Failure) -> Result) {
        self.body = body
    }

    @inline(never)
    func runOnce() -> Swift.Result<Result, Failure> {
        guard let body = body.take() else { preconditionFailure("work is run once") }
        do throws(Failure) {
            return .success(try body())
        } catch {
            return .failure(error)
        }
    }
}
