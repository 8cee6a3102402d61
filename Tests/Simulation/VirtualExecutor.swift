import CVirtualTime
import TestSupport
@_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) import _Concurrency

/// Runs all jobs of the process on one thread, in an order that a seed decides, in a time of its own.
///
/// Every task of Swift's concurrency runs here: it takes the place of the pool of threads and of the timers. When nothing
/// can run, time goes on to the next thing that waits for it.
///
/// Thread rule (why `@unchecked Sendable` holds): the process has one thread.
final class VirtualExecutor: TaskExecutor, SchedulingExecutor, @unchecked Sendable {
    /// How the next job is chosen among those that can run.
    enum Order: CaseIterable {
        case arrival
        case random
        /// Mostly the one that came last, so that others are left behind.
        case latest
    }
    /// What waits for a time.
    private enum Work {
        case job(UnownedJob)
        case call(() -> Void)
    }

    static let shared = VirtualExecutor()

    /// Jobs run since the last reset.
    private(set) var jobCount = 0
    /// A digest of the order in which jobs ran, and of all that was noted.
    private(set) var digest: UInt64 = 0
    private var ready: [UnownedJob] = []
    private var timeline = Timeline<Work>()
    private var generator = SeededGenerator(seed: 0)
    private var order = Order.arrival

    private init() {}

    /// Makes this the executor of the process. To be called before anything else of Swift's concurrency is used.
    static func install() {
        virtual_time_set(0)
        _createExecutors(factory: VirtualExecutorFactory.self)
    }

    /// Begins anew, at a time of zero.
    func reset(seed: UInt64, order: Order) {
        precondition(ready.isEmpty && timeline.isEmpty, "what was before has ended")
        generator = SeededGenerator(seed: seed)
        self.order = order
        jobCount = 0
        digest = seed
        virtual_time_set(0)
    }

    /// Runs until nothing is left to run or `isOver` says so, which is asked before each job. True when nothing is left.
    func run(until isOver: () -> Bool) -> Bool {
        while !isOver() {
            if let job = nextReady() {
                jobCount += 1
                job.runSynchronously(on: asUnownedTaskExecutor())
                continue
            }
            guard let (time, work) = timeline.popFirst() else { return true }
            virtual_time_set(max(time, virtual_time_now()))
            mix(UInt64(truncatingIfNeeded: time))
            switch work {
            case .job(let job): ready.append(job)
            case .call(let body): body()
            }
        }
        return false
    }

    /// Calls `body` when so much time has passed.
    func schedule(after delay: Duration, _ body: @escaping () -> Void) {
        timeline.insert(.call(body), at: virtual_time_now() + delay.nanoseconds)
    }

    /// Waits; cancelling the task does not make it shorter.
    func wait(_ delay: Duration) async {
        guard delay > .zero else { return }
        await withUnsafeContinuation { continuation in schedule(after: delay) { continuation.resume() } }
    }

    /// Time since the last reset.
    var now: Duration { .nanoseconds(virtual_time_now()) }

    /// Adds to the digest.
    func mix(_ value: UInt64) {
        digest = (digest ^ value) &* 0x9E37_79B9_7F4A_7C15
        digest ^= digest >> 29
    }

    private func nextReady() -> UnownedJob? {
        guard !ready.isEmpty else { return nil }
        let index = choice()
        mix(UInt64(index))
        guard order != .arrival else { return ready.removeFirst() }
        ready.swapAt(index, ready.count - 1)
        return ready.removeLast()
    }

    private func choice() -> Int {
        switch order {
        case .arrival: 0
        case .random: Int(generator.next() % UInt64(ready.count))
        case .latest: generator.next() % 8 > 0 ? ready.count - 1 : Int(generator.next() % UInt64(ready.count))
        }
    }

    func enqueue(_ job: consuming ExecutorJob) { ready.append(UnownedJob(job)) }

    func enqueue<C: Clock>(
        _ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C
    ) {
        guard let delay = delay as? Duration else { preconditionFailure("clocks here count in Duration") }
        timeline.insert(.job(UnownedJob(job)), at: virtual_time_now() + delay.nanoseconds)
    }

    func enqueue<C: Clock>(
        _ job: consuming ExecutorJob, at instant: C.Instant, tolerance: C.Duration?, clock: C
    ) {
        enqueue(job, after: clock.now.duration(to: instant), tolerance: tolerance, clock: clock)
    }
}

/// Tells the runtime who runs jobs.
private struct VirtualExecutorFactory: ExecutorFactory {
    static let mainExecutor: any MainExecutor = VirtualMainExecutor()
    static let defaultExecutor: any TaskExecutor = VirtualExecutor.shared
}

/// The main actor's jobs run with the others.
private final class VirtualMainExecutor: MainExecutor {
    func enqueue(_ job: consuming ExecutorJob) { VirtualExecutor.shared.enqueue(job) }
    func run() throws { preconditionFailure("VirtualExecutor.run is called instead") }
    func stop() {}
}

/// What waits for a time, the earliest first; of those of one time the one that came first. A binary heap.
private struct Timeline<Element> {
    private var heap: [(time: Int64, number: Int, element: Element)] = []
    private var lastNumber = 0

    var isEmpty: Bool { heap.isEmpty }

    mutating func insert(_ element: Element, at time: Int64) {
        lastNumber += 1
        heap.append((time, lastNumber, element))
        var child = heap.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func popFirst() -> (time: Int64, element: Element)? {
        guard !heap.isEmpty else { return nil }
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && isBefore(child, least) {
                least = child
            }
            guard least != parent else { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return (first.time, first.element)
    }

    private func isBefore(_ one: Int, _ other: Int) -> Bool {
        (heap[one].time, heap[one].number) < (heap[other].time, heap[other].number)
    }
}

extension Duration {
    /// In nanoseconds; at most a century.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return min(max(seconds, 0), 3_000_000_000) * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
