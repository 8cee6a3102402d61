import Glibc
import Synchronization
import Testing
import Threading

@Suite("Our own threads", .timeLimit(.minutes(1)))
struct BlockingThreadsTests {
    /// Counts itself while it is there.
    private final class Captured: Sendable {
        static let count = Atomic(0)
        init() { Self.count.add(1, ordering: .sequentiallyConsistent) }
        deinit { Self.count.subtract(1, ordering: .sequentiallyConsistent) }
    }

    @Test("have let go of what the work captured when the work is done")
    func captures() async {
        let threads = BlockingThreads(count: 2)
        for round in 0..<5000 {
            await run(on: threads)
            #expect(Captured.count.load(ordering: .sequentiallyConsistent) == 0, "round \(round)")
        }
    }

    @Test("run work on the caller when there are none")
    func inline() async {
        let isHere = await BlockingThreads.inline.run { [caller = pthread_self()] in
            pthread_equal(caller, pthread_self()) != 0
        }
        #expect(isHere)
    }

    private func run(on threads: BlockingThreads) async {
        let captured = Captured()
        await threads.run { withExtendedLifetime(captured) {} }
    }
}
