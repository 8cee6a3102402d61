import Engine
import FerryCore
import ImageStore
import MemoryStore
import TestSupport
import Testing

@Suite("Where the time of a sync goes", .timeLimit(.minutes(1)))
struct StageTimesTests {
    private func sites() -> TwoSites {
        let sites = TwoSites()
        var generator = SeededGenerator(seed: 3)
        sites.source.addImage("vm", contents: generator.bytes(6 << 20))
        return sites
    }

    /// Makes a kind of operation of a store take long.
    private static func slow(_ slow: MemoryOperation, by duration: Duration) -> MemoryFaults {
        { operation, _ throws(StoreError) in
            guard operation == slow else { return }
            try? await Task.sleep(for: duration)
        }
    }

    @Test("every stage that must occur is told, by both ends, and none is longer than the whole")
    func plausible() async throws {
        let step = try await sites().sync()[0]
        let expected: Set<TransferStage> = [
            .snapshot, .prepare, .offer, .diff, .read, .compress, .send, .window, .publish, .acknowledge, .receive,
            .inflate, .apply, .flush, .mirrorSnapshot,
        ]
        #expect(expected.isSubset(of: step.times.microseconds.keys))
        let whole = step.duration / .microseconds(1)
        for (stage, count) in step.times.microseconds { #expect(Double(count) <= whole, "\(stage)") }
        let oneByOne: [TransferStage] = [.snapshot, .prepare, .offer, .publish, .acknowledge]
        #expect(oneByOne.map(step.times.seconds).reduce(0, +) * 1_000_000 <= whole)
        #expect(step.times.seconds(.mirrorSnapshot) <= step.times.seconds(.publish))
        #expect(step.times.seconds(.starve) <= step.times.seconds(.receive))
    }

    @Test("a mirror that is there already costs its questions only, and the next sync counts from zero")
    func published() async throws {
        let sites = sites()
        let first = try await sites.sync()[0]
        sites.mirror.setFaults(Self.slow(.snapshots, by: .milliseconds(20)))
        let again = try await sites.sync(snapshot: first.target.name)[0]
        #expect(again.wasPublished)
        #expect(Set(again.times.microseconds.keys) == [.prepare, .offer, .acknowledge])
        #expect(again.times.seconds(.offer) >= 0.02)
    }

    @Test("a source that reads slowly: reading takes long, and the receiver starves and says so")
    func slowSource() async throws {
        let sites = sites()
        sites.source.setFaults(Self.slow(.read, by: .milliseconds(200)))
        let step = try await sites.sync()[0]
        #expect(step.times.seconds(.read) >= 0.2)
        #expect(step.times.seconds(.starve) >= 0.05)
        let share = try #require(step.counts.receiverStarvedShare)
        #expect((0...1).contains(share))
    }

    @Test("a mirror that writes slowly: applying takes long, and the sender waits for it")
    func slowMirror() async throws {
        let sites = sites()
        sites.mirror.setFaults(Self.slow(.apply, by: .milliseconds(100)))
        let step = try await sites.sync()[0]
        #expect(step.times.seconds(.apply) >= 0.1)
        #expect(step.times.seconds(.window) + step.times.seconds(.publish) >= 0.03)
    }

    @Test("what a cut transfer took is known too")
    func cut() async throws {
        let meter = TransferMeter()
        await #expect(throws: (any Error).self) { try await sites().sync(senderByteCountMax: 2 << 20, meter: meter) }
        #expect(meter.clock.times.microseconds[.read] != nil)
    }
}
