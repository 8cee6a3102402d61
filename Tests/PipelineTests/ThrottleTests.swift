import Pipeline
import Synchronization
import TestSupport
import Testing

@Suite("A throttle", .timeLimit(.minutes(1)))
struct ThrottleTests {
    private let clock = ManualClock()
    private static let rate: UInt64 = 1 << 20

    /// A throttle whose burst is used up.
    private func drained(rate: UInt64 = rate) async throws -> Throttle {
        let throttle = Throttle(rate: rate, clock: clock.throttleClock)
        try await throttle.take(Int(rate / 20))
        return throttle
    }

    /// Takes in a task of its own, and waits until it stands in line.
    private func taker(_ throttle: Throttle, _ byteCount: Int) async -> Task<Void, any Error> {
        let count = throttle.waiterCount
        let task = Task { try await throttle.take(byteCount) }
        while throttle.waiterCount == count { await Task.yield() }
        return task
    }

    @Test("without a rate lets all pass at once, and counts it")
    func unlimited() async throws {
        let throttle = Throttle(clock: clock.throttleClock)
        for _ in 0..<10 { try await throttle.take(1 << 30) }
        #expect(throttle.passedByteCount == 10 << 30 && throttle.sliceByteCount == nil && clock.sleepCount == 0)
    }

    @Test("serves takers in order, and no small one before a large one")
    func order() async throws {
        let throttle = try await drained()
        let served = Counts()
        var tasks: [Task<Void, any Error>] = []
        for (number, byteCount) in [1 << 20, 1, 4096].enumerated() {
            let count = throttle.waiterCount
            tasks.append(
                Task {
                    try await throttle.take(byteCount)
                    served.append(number)
                })
            while throttle.waiterCount == count { await Task.yield() }
        }
        for task in tasks {
            await clock.advanceToNext()
            try await task.value
        }
        #expect(served.all == [0, 1, 2])
        // One sleep for each that had to wait: nobody looks again and again.
        #expect(clock.sleepCount == 3)
    }

    @Test("who is cancelled takes nothing, and those behind move up")
    func cancellation() async throws {
        let throttle = try await drained()
        let large = await taker(throttle, 1 << 30)
        let small = await taker(throttle, 1024)
        let last = await taker(throttle, 1024)
        large.cancel()
        await #expect(throws: CancellationError.self) { try await large.value }
        small.cancel()
        await #expect(throws: CancellationError.self) { try await small.value }
        await clock.advanceToNext()
        try await last.value
        #expect(throttle.passedByteCount == Self.rate / 20 + 1024)
        let cancelled = Task {
            while !Task.isCancelled { await Task.yield() }
            try await throttle.take(0)
        }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
    }

    @Test("a rate that changes times those who wait anew, at once")
    func rateChange() async throws {
        let throttle = try await drained()
        let task = await taker(throttle, 1 << 20)
        clock.advance(by: .milliseconds(500))
        throttle.setRate(10 << 20)
        let began = clock.now
        await clock.advanceToNext()
        try await task.value
        #expect(abs((clock.now - began) / .milliseconds(50) - 1) < 0.01)
        let freed = await taker(throttle, 1 << 40)
        throttle.setRate(nil)
        try await freed.value
        #expect(throttle.rate == nil)
    }

    @Test("is taken in turns by transfers, a slice each, whatever the size of what they move")
    func fairness() async throws {
        let throttle = try await drained()
        let counts = Counts([0, 0, 0])
        let tasks = [4 << 20, 100 << 10, 9 << 10].enumerated().map { number, byteCount in
            Task {
                while !Task.isCancelled {
                    try await [throttle].takeInSlices(byteCount) { counts.add($0, to: number) }
                }
            }
        }
        while throttle.waiterCount < 3 { await Task.yield() }
        let end = clock.now + .seconds(10)
        while clock.now < end {
            await clock.advanceToNext(late: .milliseconds(1))
            while throttle.waiterCount < 3 { await Task.yield() }
        }
        for task in tasks { task.cancel() }
        for task in tasks { _ = try? await task.value }
        let all = counts.all
        #expect(all.reduce(0, +) <= 10 << 20 + 1 << 18 && all.reduce(0, +) >= 95 * (10 << 20) / 100, "\(all)")
        // They take turns, a slice each: of 26214 bytes, nearly as much, and 9216.
        let shares = all.map { Double($0) / Double(all[2]) }
        #expect(abs(shares[0] / 2.84 - 1) < 0.05 && abs(shares[1] / 2.78 - 1) < 0.05, "\(all)")
    }

    @Test("keeps within 5 % of its rate over ten seconds, also with sleeps that end late", arguments: [1, 200, 3000])
    func effectiveRate(mebibytes: Int) async throws {
        let seed = UInt64.random(in: .min ... .max)
        print("throttle: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let rate = mebibytes << 20
        let throttle = Throttle(rate: UInt64(rate), clock: clock.throttleClock)
        let task = Task {
            while true { try await [throttle].takeInSlices(1 << 20) { _ in } }
        }
        let began = clock.now
        while clock.now - began < .seconds(10) {
            await clock.advanceToNext(late: .microseconds(Int.random(in: 0...15_000, using: &generator)))
            while throttle.waiterCount == 0 { await Task.yield() }
        }
        let seconds = (clock.now - began) / .seconds(1)
        task.cancel()
        let ratio = Double(throttle.passedByteCount) / (Double(rate) * seconds)
        #expect(ratio > 0.95 && ratio < 1.05, "seed \(seed): \(ratio)")
    }

    @Test("several throttles let the slowest decide, and slices fit the slowest")
    func chain() async throws {
        let throttles = [Throttle(rate: 10 << 20, clock: clock.throttleClock), try await drained(), Throttle()]
        #expect(throttles.sliceByteCount == 26_214 && [Throttle]().sliceByteCount == nil)
        let task = Task { try await throttles.takeInSlices(1 << 20) { _ in } }
        let began = clock.now
        while throttles[2].passedByteCount < 1 << 20 {
            if !clock.advanceIfAsleep() { await Task.yield() }
        }
        try await task.value
        #expect(abs((clock.now - began) / .seconds(1) - 1) < 0.05)
    }

    @Test(
        "slices last 25 ms, between 4 KiB and 256 KiB",
        arguments: [(65_536, 4096), (1_048_576, 26_214), (1_099_511_627_776, 262_144)])
    func slices(rate: UInt64, byteCount: Int) {
        #expect(Throttle(rate: rate).sliceByteCount == byteCount)
    }
}

/// Numbers that tasks write down.
private final class Counts: Sendable {
    private let state: Mutex<[Int]>

    init(_ all: [Int] = []) { state = Mutex(all) }

    var all: [Int] { state.withLock { $0 } }

    func append(_ count: Int) { state.withLock { $0.append(count) } }

    func add(_ count: Int, to index: Int) { state.withLock { $0[index] += count } }
}
