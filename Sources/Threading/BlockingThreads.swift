import NIOPosix

/// A fixed number of our own threads for calls that block and work that takes long, so that neither holds up
/// Swift's cooperative pool, which has one thread a core.
public final class BlockingThreads: Sendable {
    private let pool: NIOThreadPool

    /// Starts `count` threads. They live until the process ends.
    public init(count: Int) {
        pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
    }

    /// Runs `body` on one of the threads and waits for it without blocking. Not cancellable: the call it makes
    /// is not either.
    public func run<Result: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let outcome = await withCheckedContinuation {
            (continuation: CheckedContinuation<Swift.Result<Result, Failure>, Never>) in
            pool.submit { _ in
                do throws(Failure) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try outcome.get()
    }
}
