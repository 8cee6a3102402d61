import FerryCore
import Reporting
import TestSupport
import Testing

@Suite("the times of stages as JSON")
struct StageTimesTests {
    @Test("are seconds, and are read back to the microsecond", arguments: 0..<20)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var times = StageTimes()
        for stage in TransferStage.allCases where Bool.random(using: &generator) {
            times.add(microseconds: generator.next() % StageTimes.microsecondsMax, to: stage)
        }
        let line = try JSONDocument.line(times)
        #expect(try JSONDocument.decode(StageTimes.self, from: line.utf8) == times, "seed \(seed)")
    }

    @Test("have the stages' names")
    func names() throws {
        let line = try JSONDocument.line(times([.read: 1.5, .mirrorSnapshot: 0.000_001]))
        #expect(line == #"{"mirror_snapshot_seconds":1e-06,"read_seconds":1.5}"#)
    }

    @Test("of stages that are not known are passed over; what is no time is refused")
    func foreign() throws {
        let later = try JSONDocument.decode(StageTimes.self, from: #"{"later_seconds":1,"read_seconds":2}"#.utf8)
        #expect(later == times([.read: 2]))
        for text in [#"{"read_seconds":-1}"#, #"{"read_seconds":1e300}"#, #"{"read_seconds":"1"}"#] {
            #expect(throws: (any Error).self) { try JSONDocument.decode(StageTimes.self, from: text.utf8) }
        }
    }

    @Test("add up without end")
    func sums() {
        var sum = times([.read: 1])
        sum.add(times([.read: 2, .apply: 3]))
        #expect(sum == times([.read: 3, .apply: 3]))
        #expect(sum.ofReceiver(true) == times([.apply: 3]) && sum.ofReceiver(false) == times([.read: 3]))
        var endless = StageTimes()
        for _ in 0..<2 { endless.add(microseconds: .max - 1, to: .read) }
        #expect(endless.microseconds[.read] == .max)
        endless.add(.seconds(-1), to: .send)
        #expect(endless.microseconds[.send] == nil)
    }
}
