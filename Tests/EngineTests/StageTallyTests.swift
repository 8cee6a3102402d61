import FerryCore
import TestSupport
import Testing

@testable import Engine

private let begin = ContinuousClock.now

/// So many microseconds after the beginning.
private func at(_ microseconds: Int) -> ContinuousClock.Instant { begin + .microseconds(microseconds) }

@Suite("The times of stages")
struct StageTallyTests {
    @Test("are those in which at least one operation was under way, not their sum")
    func union() {
        var tally = StageTally()
        tally.begin(.read, at: at(0))
        tally.begin(.read, at: at(10))
        tally.begin(.send, at: at(15))
        tally.end(.read, at: at(20))
        tally.end(.read, at: at(30))
        tally.end(.send, at: at(35))
        tally.begin(.read, at: at(100))
        tally.end(.read, at: at(105))
        #expect(tally.times(at: at(200)).microseconds == [.read: 35, .send: 20])
    }

    @Test("count what is under way, and begin again when they are taken")
    func taking() {
        var tally = StageTally()
        tally.begin(.read, at: at(0))
        #expect(tally.times(at: at(5)).microseconds == [.read: 5])
        #expect(tally.take(at: at(7)).microseconds == [.read: 7])
        tally.end(.read, at: at(10))
        #expect(tally.times(at: at(20)).microseconds == [.read: 3])
    }

    @Test("tell that a receiver starves: it waits for a block, and nothing else is under way")
    func starving() {
        var tally = StageTally()
        tally.begin(.receive, at: at(0))
        tally.begin(.apply, at: at(10))
        tally.begin(.flush, at: at(15))
        tally.end(.apply, at: at(20))
        tally.end(.flush, at: at(30))
        tally.end(.receive, at: at(33))
        tally.begin(.apply, at: at(40))
        tally.begin(.receive, at: at(50))
        tally.end(.apply, at: at(60))
        #expect(tally.times(at: at(65)).microseconds == [.receive: 48, .apply: 30, .flush: 15, .starve: 18])
    }

    /// An operation of a stage, in microseconds from the beginning.
    private struct Operation {
        let stage: TransferStage
        let span: Range<Int>
    }

    @Test("are the unions of any operations", arguments: 0..<40)
    func anyOperations(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let stages: [TransferStage] = [.receive, .inflate, .apply, .flush]
        let operations = (0..<30).map { _ in
            let start = Int.random(in: 0..<200, using: &generator)
            let stage = stages.randomElement(using: &generator) ?? .apply
            return Operation(stage: stage, span: start..<(start + Int.random(in: 1...20, using: &generator)))
        }
        let tally = tally(of: operations)
        for stage in stages {
            let moments = (0..<250).filter { moment in
                operations.contains { $0.stage == stage && $0.span.contains(moment) }
            }
            #expect(tally.microseconds[stage, default: 0] == moments.count, "seed \(seed), \(stage)")
        }
        let starved = (0..<250).filter { moment in
            let open = Set(operations.filter { $0.span.contains(moment) }.map(\.stage))
            return open == [.receive]
        }
        #expect(tally.microseconds[.starve, default: 0] == starved.count, "seed \(seed)")
    }

    private func tally(of operations: [Operation]) -> StageTimes {
        var tally = StageTally()
        for moment in 0..<250 {
            for operation in operations where operation.span.lowerBound == moment {
                tally.begin(operation.stage, at: at(moment))
            }
            for operation in operations where operation.span.upperBound == moment {
                tally.end(operation.stage, at: at(moment))
            }
        }
        return tally.times(at: at(250))
    }

    @Test("give the share of a stage from one question to the next")
    func share() {
        var share = StageShare(of: .starve, from: at(0))
        var times = StageTimes()
        #expect(share.next(times, at: at(1000)) == 0)
        times.add(microseconds: 250, to: .starve)
        #expect(share.next(times, at: at(2000)) == 0.25)
        #expect(share.next(times, at: at(3000)) == 0)
        times.add(microseconds: 5000, to: .starve)
        #expect(share.next(times, at: at(4000)) == 1)
        #expect(share.next(times, at: at(4000)) == 0)
    }
}

@Suite("The clock of stages")
struct StageClockTests {
    @Test("measures what runs, and what throws")
    func measures() async throws {
        let clock = StageClock()
        let value = await clock.time(.read) { 5 }
        #expect(value == 5)
        await #expect(throws: CancellationError.self) {
            try await clock.time(.send) { () throws(CancellationError) -> Void in throw CancellationError() }
        }
        #expect(Set(clock.take().microseconds.keys) == [.read, .send])
        #expect(clock.times.isEmpty)
    }
}
