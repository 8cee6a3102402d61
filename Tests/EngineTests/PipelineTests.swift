import Conversation
import DiffStream
import FerryCore
import ImageStore
import Synchronization
import TestSupport
import Testing

@testable import Engine

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
        budget.fail(EngineError.connectionCut)
        await #expect(throws: EngineError.connectionCut) { try await budget.take(1) }
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

    @Test("a unit's records, taken in again, are the unit's bytes", arguments: [true, false])
    func records(sendsZeros: Bool) throws {
        var bytes = [UInt8](repeating: 0, count: 40960)
        bytes.replaceSubrange(8192..<12288, with: repeatElement(5, count: 4096))
        bytes[40000] = 1
        let extent = Extent(offset: 1 << 20, byteCount: 40960)
        let unit = DeltaUnit(pieces: [.data(extent, position: 0)], readByteCount: 40960, end: extent.end)
        let records = UnitRecords(unit: unit, buffer: DataBuffer(bytes), sendsZeros: sendsZeros)
        #expect(records.count == (sendsZeros ? 4 : 2))
        #expect(records.bytes.count < 4096 * 2 + 25 * 4 + 1)
    }
}

@Suite("What a block asks of the mirror")
struct DeltaIntakeTests {
    private let transfer = TransferIdentity(
        source: ImageIdentity(cluster: "c", pool: 0, image: "i"), base: SnapshotIdentity(id: 1, name: "a"),
        target: SnapshotIdentity(id: 2, name: "b"), mode: .hybrid)

    private func opening(from: String? = "a", to: String = "b", byteCount: UInt64 = 1 << 20) -> [UInt8] {
        var bytes: [UInt8] = []
        if let from { DiffEncoder.appendFromSnapshot(from, to: &bytes) }
        DiffEncoder.appendToSnapshot(to, to: &bytes)
        DiffEncoder.appendImageByteCount(byteCount, to: &bytes)
        return bytes
    }

    private func write(_ offset: UInt64, _ data: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        DiffEncoder.appendWriteHeader(Extent(offset: offset, byteCount: UInt64(data.count)), to: &bytes)
        return bytes + data
    }

    private var end: [UInt8] {
        var bytes: [UInt8] = []
        DiffEncoder.appendEnd(to: &bytes)
        return bytes
    }

    private func take(_ blocks: [[UInt8]], watermark: UInt64 = 0) throws -> [DeltaIntake.Step] {
        var intake = DeltaIntake(transfer: transfer, targetByteCount: 1 << 20, watermark: watermark)
        return try blocks.map { try intake.take(DataBuffer($0)) }
    }

    @Test("the size first, then the writes, then the end")
    func whole() throws {
        let steps = try take([opening(), write(4096, [1, 2, 3]), end])
        #expect(steps[0].resize == 1 << 20 && steps[0].writes.isEmpty)
        #expect(steps[1].writes == [.data(offset: 4096, range: 25..<28)])
        #expect(steps[1].end == 4099 && steps[1].recordCount == 1)
        #expect(steps[2].end == 1 << 20)
    }

    @Test("a stream that does not belong to the agreed transfer is refused before its size is acted on")
    func otherTransfer() {
        for first in [opening(from: "x"), opening(from: nil), opening(to: "x"), opening(byteCount: 1 << 19)] {
            #expect(throws: ProtocolViolation.self) { try take([first, write(0, [1])]) }
            #expect(throws: ProtocolViolation.self) { try take([first, end]) }
            #expect(throws: ProtocolViolation.self) { try take([first]) }
        }
    }

    @Test("extents outside the image, backward, overlapping, or below the watermark are refused")
    func extents() {
        #expect(throws: DiffError.self) { try take([opening(), write((1 << 20) - 1, [1, 2])]) }
        #expect(throws: DiffError.self) { try take([opening(), write(4096, [1]), write(0, [1])]) }
        #expect(throws: DiffError.self) { try take([opening(), write(0, [1, 2]), write(1, [1])]) }
        #expect(throws: DiffError.self) { try take([opening(), write(100, [1])], watermark: 101) }
    }

    @Test("a block that ends inside a record is refused")
    func cutRecord() {
        #expect(throws: (any Error).self) { try take([opening(), Array(write(0, [1, 2, 3]).dropLast())]) }
    }

    @Test("data before the opening records, and anything after the end, is refused")
    func disorder() {
        #expect(throws: (any Error).self) { try take([write(0, [1])]) }
        #expect(throws: (any Error).self) { try take([opening(), end, write(0, [1])]) }
    }
}

@Suite("The stall watch")
struct StallWatchTests {
    @Test("counts that change keep it quiet; the same counts for the limit do not")
    func stalls() throws {
        let begin = ContinuousClock.now
        var watch = StallWatch(limit: .seconds(10))
        var counts = TransferMeter.Counts()
        try watch.check(counts, now: begin)
        counts.readByteCount = 1
        try watch.check(counts, now: begin + .seconds(9))
        try watch.check(counts, now: begin + .seconds(18))
        #expect(throws: EngineError.self) { try watch.check(counts, now: begin + .seconds(20)) }
        try watch.check(nil, now: begin + .seconds(40))
        #expect(throws: Never.self) { try watch.check(counts, now: begin + .seconds(60)) }
    }
}
