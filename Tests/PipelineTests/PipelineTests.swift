import FerryCore
import ImageStore
import Pipeline
import Synchronization
import TestSupport
import Testing

@Suite("The ordered map", .timeLimit(.minutes(1)))
struct OrderedMapTests {
    private struct Broken: Error {}

    /// Gives 0, 1, 2 and so on, then nil.
    private func counter(to end: Int) -> @Sendable () async throws -> Int? {
        let taken = Recorder()
        return {
            let number = taken.numbers.count
            taken.append(number)
            return number < end ? number : nil
        }
    }

    @Test("results come in the order of the inputs, and no more than the width are under way", arguments: [1, 2, 7])
    func order(width: Int) async throws {
        let gauge = Gauge()
        var results: [Int] = []
        try await orderedMap(
            width: width, next: counter(to: 200),
            transform: { number in
                gauge.enter()
                for _ in 0..<(number * 7919 % 13) { await Task.yield() }
                gauge.leave()
                return number * 2
            }, consume: { results.append($0) })
        #expect(results == (0..<200).map { $0 * 2 })
        #expect(gauge.highest <= width)
    }

    @Test("nothing in gives nothing out")
    func empty() async throws {
        var count = 0
        try await orderedMap(width: 3, next: counter(to: 0), transform: { $0 }, consume: { _ in count += 1 })
        #expect(count == 0)
    }

    @Test("an error of a transform ends it")
    func transformError() async {
        await #expect(throws: Broken.self) {
            try await orderedMap(
                width: 3, next: self.counter(to: 9),
                transform: { (number: Int) async throws -> Int in
                    if number == 5 { throw Broken() }
                    return number
                }, consume: { _ in })
        }
    }

    @Test("an error of the consumer ends it")
    func consumerError() async {
        await #expect(throws: Broken.self) {
            try await orderedMap(
                width: 3, next: self.counter(to: 9), transform: { $0 }, consume: { _ in throw Broken() })
        }
    }

    @Test("an error of the source ends it")
    func sourceError() async {
        let source: @Sendable () async throws -> Int? = { throw Broken() }
        await #expect(throws: Broken.self) {
            try await orderedMap(width: 3, next: source, transform: { $0 }, consume: { _ in })
        }
    }
}

/// How many are inside at once.
private final class Gauge: Sendable {
    private let state = Mutex((now: 0, highest: 0))

    var highest: Int { state.withLock { $0.highest } }

    func enter() {
        state.withLock { state in
            state.now += 1
            state.highest = max(state.highest, state.now)
        }
    }

    func leave() { state.withLock { $0.now -= 1 } }
}

/// Numbers in the order in which tasks noted them.
private final class Recorder: Sendable {
    private let state = Mutex<[Int]>([])

    var numbers: [Int] { state.withLock { $0 } }

    func append(_ number: Int) { state.withLock { $0.append(number) } }
}

private struct BudgetGone: Error, Equatable {}

@Suite("A byte budget", .timeLimit(.minutes(1)))
struct ByteBudgetTests {
    @Test("takers wait their turn, and one larger than the budget goes alone")
    func turns() async throws {
        let budget = ByteBudget(limit: 10)
        try await budget.take(6)
        let order = Recorder()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await budget.take(20)
                order.append(20)
                budget.give(20)
            }
            while budget.waiterCount < 1 { await Task.yield() }
            group.addTask {
                try await budget.take(1)
                order.append(1)
                budget.give(1)
            }
            while budget.waiterCount < 2 { await Task.yield() }
            budget.give(6)
            try await group.waitForAll()
        }
        #expect(order.numbers == [20, 1])
    }

    @Test("a cancelled taker leaves, and lets the next one in")
    func cancelled() async throws {
        let budget = ByteBudget(limit: 10)
        try await budget.take(8)
        let large = Task { try await budget.take(9) }
        while budget.waiterCount < 1 { await Task.yield() }
        let small = Task { try await budget.take(2) }
        while budget.waiterCount < 2 { await Task.yield() }
        large.cancel()
        await #expect(throws: CancellationError.self) { try await large.value }
        try await small.value
    }

    @Test("failing it ends every wait, now and later")
    func failed() async {
        let budget = ByteBudget(limit: 1)
        budget.fail(BudgetGone())
        await #expect(throws: BudgetGone()) { try await budget.take(1) }
    }
}

@Suite("Units of a delta")
struct DeltaUnitTests {
    @Test("cover the extents exactly, in order, within their limits", arguments: 0..<50)
    func cover(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var planner = DeltaUnitPlanner()
        var extents: [ChangedExtent] = []
        var offset: UInt64 = 0
        for _ in 0..<100 {
            offset += UInt64.random(in: 0...5000, using: &generator)
            let count = UInt64.random(in: 1...(Bool.random(using: &generator) ? 5000 : 6 << 20), using: &generator)
            let content: ChangedExtent.Content = Int.random(in: 0..<4, using: &generator) == 0 ? .zero : .data
            extents.append(ChangedExtent(Extent(offset: offset, byteCount: count), content))
            offset += count
        }
        var units: [DeltaUnit] = []
        for extent in extents {
            planner.add(extent)
            units += planner.takeReady()
        }
        planner.finish()
        units += planner.takeReady()
        #expect(Self.joined(units) == extents, "seed \(seed)")
        for unit in units {
            #expect(unit.readByteCount <= DeltaUnitPlanner.readByteCountMax)
            #expect(unit.reads.map(\.position) == unit.reads.map(\.position).sorted())
        }
        #expect(units.map(\.end) == units.map(\.end).sorted())
    }

    /// The units' pieces, with those that were cut apart joined again.
    private static func joined(_ units: [DeltaUnit]) -> [ChangedExtent] {
        var result: [ChangedExtent] = []
        for piece in units.flatMap(\.pieces) {
            switch piece {
            case .zero(let extent): result.append(ChangedExtent(extent, .zero))
            case .data(let extent, _):
                if let last = result.last, last.content == .data, last.extent.end == extent.offset,
                    extent.offset % UInt64(DeltaUnitPlanner.readByteCountMax) == 0
                {
                    let whole = Extent(
                        offset: last.extent.offset, byteCount: last.extent.byteCount + extent.byteCount)
                    result[result.count - 1] = ChangedExtent(whole, .data)
                } else {
                    result.append(ChangedExtent(extent, .data))
                }
            }
        }
        return result
    }
}
