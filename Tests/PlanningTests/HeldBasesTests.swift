import FerryCore
import Foundation
import Testing

@testable import Planning

private let noon = Date(timeIntervalSince1970: 1_763_726_400)

@Suite("Which bases are held for peers")
struct HeldBasesTests {
    /// Ids from 1 on, a minute apart.
    private let snapshots = (1...4).map { id in
        RetainedSnapshot(
            identity: SnapshotIdentity(id: UInt64(id), name: "s\(id)"), time: noon.addingTimeInterval(Double(id) * 60))
    }

    private func decide(
        _ records: [String: SenderRecord], peers: Set<String> = ["b", "c"], after seconds: Double
    ) -> HeldBases {
        HeldBases.decide(
            records: records, peers: peers, snapshots: snapshots, secondsMax: 1000,
            now: noon.addingTimeInterval(seconds))
    }

    private func record(
        _ acknowledged: Int?, inFlight: Int? = nil, pins: [Int] = [], heardAt: Double?, failedSince: Double? = nil,
        lastFailed: Double? = nil
    ) -> SenderRecord {
        func seconds(_ time: Double?) -> Int64? { time.map { Int64(noon.timeIntervalSince1970 + $0) } }
        return SenderRecord(
            inFlight: inFlight.map { .init(target: snapshots[$0].identity, isOwn: true) },
            pins: pins.map { snapshots[$0].identity }, acknowledged: acknowledged.map { snapshots[$0].identity },
            heardAtSeconds: seconds(heardAt), failedSinceSeconds: seconds(failedSince),
            lastFailedSeconds: seconds(lastFailed))
    }

    @Test("what a peer acknowledged, and what is under way to it, is held for each peer")
    func held() {
        let bases = decide(
            ["b": record(0, inFlight: 1, pins: [0, 1], heardAt: 100), "c": record(2, heardAt: 100)], after: 200)
        #expect(bases.held == [1, 2, 3])
        #expect(bases.warnings.isEmpty && bases.givenUp.isEmpty)
    }

    /// A record of a peer that answered at 100, and what becomes of its base at a moment.
    struct Case: Sendable, CustomTestStringConvertible {
        var heardAt: Double? = 100
        var failedSince: Double?
        /// nil: just now.
        var lastFailed: Double?
        var isSentTo = true
        var after: Double
        /// Seconds that the base has been held in vain, where that is told.
        var warned: Int64?
        var givenUp: Int64?

        var testDescription: String { "heard \(heardAt ?? -1), failed \(failedSince ?? -1), \(isSentTo), at \(after)" }
    }

    @Test(
        "a base is held however long ago its peer answered, until a run fails, and from then on for so long",
        arguments: [
            Case(after: 200), Case(after: 1101), Case(after: 1e9), Case(heardAt: nil, after: 1e9),
            Case(failedSince: 150, after: 650), Case(failedSince: 150, after: 651, warned: 501),
            Case(failedSince: 150, after: 1150, warned: 1000), Case(failedSince: 150, after: 1151, givenUp: 1001),
            // A run that failed first long after the last that did not, or of a record that tells only that.
            Case(failedSince: 9000, after: 9500), Case(failedSince: 9000, after: 9501, warned: 501),
            Case(failedSince: 9000, after: 10_001, givenUp: 1001),
            Case(heardAt: nil, failedSince: 9000, after: 9000),
            Case(heardAt: nil, failedSince: 9000, after: 10_001, givenUp: 1001),
            // Nobody tried for long since.
            Case(failedSince: 150, lastFailed: 160, after: 1e9),
            Case(failedSince: 150, lastFailed: 700, after: 1e9, warned: 550),
            // The peer agreed to a transfer since, which was cut.
            Case(heardAt: 5000, failedSince: 150, after: 5500),
            Case(heardAt: 5000, failedSince: 150, after: 6001, givenUp: 1001),
            // No rule names the peer any more: nobody tries, and it counts from its last answer.
            Case(isSentTo: false, after: 600), Case(isSentTo: false, after: 601, warned: 501),
            Case(isSentTo: false, after: 1101, givenUp: 1001),
            Case(failedSince: 9000, isSentTo: false, after: 9000, givenUp: 8900),
            // Of a record that does not tell when that was, since its newest snapshot, of 60.
            Case(heardAt: nil, isSentTo: false, after: 1060, warned: 1000),
            Case(heardAt: nil, isSentTo: false, after: 1061, givenUp: 1001),
        ])
    func since(_ one: Case) {
        let record = record(
            0, heardAt: one.heardAt, failedSince: one.failedSince,
            lastFailed: one.failedSince.map { _ in one.lastFailed ?? one.after })
        let bases = decide(["b": record], peers: one.isSentTo ? ["b"] : ["c"], after: one.after)
        func absences(_ seconds: Int64?) -> [HeldBases.Absence] {
            seconds.map { [.init(peer: "b", base: snapshots[0].identity, seconds: $0)] } ?? []
        }
        #expect(bases.held == (one.givenUp == nil ? [1] : []))
        #expect(bases.warnings == absences(one.warned))
        #expect(bases.givenUp == absences(one.givenUp))
    }

    @Test("the first run that fails is noted, those after it are not, and one that does not fail ends that")
    func failures() {
        var record = record(0, heardAt: 100)
        /// Notes a run that failed at a moment, nil for one that did not, and returns whether that was news.
        func note(failureAt seconds: Double?) -> Bool {
            seconds.map { record.noteFailure(now: noon.addingTimeInterval($0)) } ?? record.noteSuccess()
        }
        let steps: [(failureAt: Double?, isNews: Bool, since: Double?)] = [
            (nil, false, nil), (150.7, true, 150), (900, false, 150), (nil, true, nil), (nil, false, nil),
            (1000, true, 1000), (2000, false, 1000),
            // The clock was wrong before.
            (500, true, 500), (600, false, 500),
            // The last one is stored from hour to hour.
            (4099, false, 500), (4100, true, 500), (5000, false, 500),
        ]
        for step in steps {
            #expect(note(failureAt: step.failureAt) == step.isNews, "\(step)")
            #expect(record.failingSince == step.since.map { noon.addingTimeInterval($0) }, "\(step)")
        }
    }

    @Test("nothing is noted of a peer that nothing is held for")
    func nothingHeld() {
        var record = SenderRecord(heardAtSeconds: 5)
        let isNews = record.noteFailure(now: noon)
        #expect(!isNews)
        #expect(record == SenderRecord(heardAtSeconds: 5))
    }

    @Test("a record of a release that noted no failures is one of a peer with none, and stays the same")
    func older() throws {
        let text = #"{"acknowledged":{"id":1,"name":"s1"},"heard_at":1763726500,"pins":[]}"#
        let read = try JSONDecoder().decode(SenderRecord.self, from: Data(text.utf8))
        #expect(read == SenderRecord(acknowledged: snapshots[0].identity, heardAtSeconds: 1_763_726_500))
        #expect(decide(["b": read], after: 1e9).held == [1])
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(read), as: UTF8.self) == text)
        var failed = read
        let isNews = failed.noteFailure(now: noon)
        #expect(isNews)
        #expect(try JSONDecoder().decode(SenderRecord.self, from: encoder.encode(failed)) == failed)
    }

    @Test("records about snapshots that are gone, and clocks that went back, hold nothing more and trap nothing")
    func odd() {
        var gone = record(0, heardAt: 100, failedSince: 100)
        gone.acknowledged = SnapshotIdentity(id: 77, name: "gone")
        #expect(decide(["b": gone], after: 5000) == HeldBases())
        #expect(decide(["b": record(0, heardAt: 1e9, failedSince: 1e9)], after: 0).held == [1])
        for peers in [["b"], []] as [Set<String>] {
            var far = record(0, heardAt: 0, failedSince: 0)
            (far.heardAtSeconds, far.failedSinceSeconds, far.lastFailedSeconds) = (.min, .min, 0)
            #expect(decide(["b": far], peers: peers, after: 0).givenUp.count == 1)
            (far.heardAtSeconds, far.failedSinceSeconds, far.lastFailedSeconds) = (.max, .max, .min)
            #expect(decide(["b": far], peers: peers, after: 0).held == [1])
        }
    }
}
