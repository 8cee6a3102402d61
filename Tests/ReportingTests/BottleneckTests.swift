import FerryCore
import Reporting
import TestSupport
import Testing

@Suite("the bottleneck of a transfer")
struct BottleneckTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let duration: Double
        let seconds: [TransferStage: Double]
        let expected: Bottleneck

        init(_ name: String, _ duration: Double, _ seconds: [TransferStage: Double], _ expected: Bottleneck) {
            self.name = name
            self.duration = duration
            self.seconds = seconds
            self.expected = expected
        }

        var testDescription: String { name }
    }

    private static let cases = [
        Case(
            "a slow link: the sender waits for it, the receiver starves", 10,
            [
                .prepare: 0.3, .diff: 1, .read: 3, .compress: 4, .send: 8.5, .receive: 9, .starve: 7, .inflate: 1,
                .apply: 4, .flush: 0.5, .publish: 0.2,
            ], .link),
        Case(
            "a slow link, and a receiver that does not tell", 10, [.read: 3, .compress: 4, .send: 8.5, .publish: 0.2],
            .link),
        Case(
            "a mirror that writes slowly: the sender waits for the link, but the receiver never starves", 10,
            [.read: 3, .compress: 4, .send: 8, .receive: 0.6, .starve: 0.1, .inflate: 1, .apply: 9.6, .flush: 2],
            .mirrorApply),
        Case(
            "a mirror that flushes slowly: the window stays shut", 10,
            [.read: 3, .compress: 2, .send: 0.1, .window: 8, .receive: 8, .starve: 0.5, .apply: 2, .flush: 9],
            .mirrorFlush),
        Case(
            "a window that stays shut, and a receiver that does not tell", 10, [.read: 3, .compress: 2, .window: 8],
            .mirrorApply),
        Case(
            "a receiver whose processors are slow", 10,
            [.read: 3, .send: 8, .receive: 1, .starve: 0.1, .inflate: 9.5, .apply: 3, .flush: 1], .decompression),
        Case(
            "a mirror that is still at work when all is sent", 3,
            [.read: 0.4, .send: 0.1, .receive: 0.6, .starve: 0.3, .apply: 2, .flush: 0.5, .publish: 2.2],
            .mirrorApply),
        Case(
            "a source that reads slowly", 10,
            [.diff: 2, .read: 9.5, .compress: 6, .send: 0.2, .receive: 9.8, .starve: 6, .apply: 4], .sourceRead),
        Case(
            "a source that lists slowly: a small change in a large image", 3,
            [.prepare: 0.2, .diff: 2.4, .read: 0.3, .compress: 0.1, .receive: 2.5, .starve: 2.4, .apply: 0.1],
            .sourceDiff),
        Case(
            "processors that compress slowly", 10,
            [.diff: 1, .read: 4, .compress: 9.7, .send: 0.1, .receive: 9.9, .starve: 5, .apply: 4], .compression),
        Case(
            "a limit on what is sent", 10,
            [.read: 2, .compress: 3, .limit: 8, .send: 0.4, .receive: 9.9, .starve: 9, .apply: 1], .limit),
        Case(
            "a limit on what is read", 10,
            [.read: 2, .readLimit: 8, .compress: 3, .send: 0.4, .receive: 9.9, .starve: 9, .apply: 1], .limit),
        Case(
            "hooks around the snapshot", 10, [.snapshot: 7, .read: 1, .send: 0.5, .starve: 1, .receive: 2, .apply: 1],
            .snapshots),
        Case(
            "a mirror's snapshot that takes long", 6,
            [.read: 1, .receive: 1, .starve: 1, .publish: 4.1, .mirrorSnapshot: 4], .snapshots),
        Case(
            "a receiver that prepares for long", 6,
            [.prepare: 0.2, .offer: 4, .read: 1, .receive: 1, .starve: 1, .publish: 0.2], .fixedCosts),
        Case("a transfer that is over at once", 0.3, [.prepare: 0.05, .read: 0.15, .publish: 0.05], .fixedCosts),
        Case("nothing was sent", 0.1, [.prepare: 0.02, .offer: 0.05, .acknowledge: 0.02], .fixedCosts),
        Case("nothing is known", 0, [:], .fixedCosts),
    ]

    @Test("is what the others wait for, not what takes longest", arguments: cases)
    func decision(of transfer: Case) {
        #expect(Bottleneck.decide(times(transfer.seconds), seconds: transfer.duration) == transfer.expected)
    }

    @Test("any times give an answer", arguments: 0..<50)
    func anyTimes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var times = StageTimes()
        for stage in TransferStage.allCases where Bool.random(using: &generator) {
            times.add(microseconds: Bool.random(using: &generator) ? .max : generator.next() % 100_000_000, to: stage)
        }
        let timing = TransferTiming(times, duration: .milliseconds(Int64(generator.next() % 100_000)))
        #expect(timing.lines.last?.contains(timing.bottleneck.words) == true, "seed \(seed)")
    }

    @Test("is told below a table of the stages that occurred")
    func table() {
        let timing = TransferTiming(
            times([.read: 9.5, .send: 0.25, .receive: 9.5, .starve: 6, .publish: 0.1]), duration: .seconds(10))
        #expect(
            timing.lines == [
                "STAGE    SECONDS  SHARE  WHAT",
                "read     9.50     95 %   sender: reading what changed",
                "send     0.25     3 %    sender: waiting for the link",
                "receive  9.50     95 %   receiver: waiting for data",
                "starve   6.00     60 %   receiver: waiting for data with nothing else to do",
                "publish  0.10     1 %    sender: waiting until the mirror is published",
                "whole    10.00    100 %  stages overlap",
                "bottleneck: the source's store: reading what changed",
            ])
        let older = TransferTiming(times([.read: 9.5, .send: 0.25]), duration: .seconds(10))
        #expect(older.lines.last?.hasSuffix("; the receiver does not tell its times") == true)
        let published = TransferTiming(times([.offer: 9.5]), duration: .seconds(10))
        #expect(published.lines.last == "bottleneck: \(Bottleneck.fixedCosts.words)")
    }
}
