import FerryCore
import FoundationEssentials
import Planning
import Testing

private let daily = SnapshotIdentity(id: 4, name: "daily")

@Suite("Which snapshot a sync sends")
struct SyncTargetTests {
    @Test("a named snapshot is looked up by name")
    func named() throws {
        let target = try SyncTarget.decide(requested: "daily", record: SenderRecord(), snapshots: [daily])
        #expect(target == .named(daily))
    }

    @Test("a name that is not there is an error")
    func missing() {
        #expect(throws: SyncConflict.noSuchSnapshot("weekly")) {
            try SyncTarget.decide(requested: "weekly", record: SenderRecord(), snapshots: [daily])
        }
    }

    @Test("a transfer that was cut comes first")
    func unfinished() throws {
        let record = SenderRecord(inFlight: .init(target: daily, isOwn: true))
        let target = try SyncTarget.decide(requested: nil, record: record, snapshots: [daily])
        #expect(target == .unfinished(daily, isOwn: true))
    }

    @Test("a cut transfer whose snapshot is gone, or was made anew, is forgotten")
    func gone() throws {
        let record = SenderRecord(inFlight: .init(target: daily, isOwn: true))
        let remade = SnapshotIdentity(id: 9, name: "daily")
        #expect(try SyncTarget.decide(requested: nil, record: record, snapshots: []) == .new)
        #expect(try SyncTarget.decide(requested: nil, record: record, snapshots: [remade]) == .new)
    }

    @Test("own snapshots are named by the time in UTC, and numbered within a second")
    func names() {
        let time = Date(timeIntervalSince1970: 1_709_210_096)
        #expect(SnapshotName.own(at: time, taken: []) == "ferry-20240229T123456Z")
        #expect(
            SnapshotName.own(at: time, taken: ["ferry-20240229T123456Z", "ferry-20240229T123456Z-2"])
                == "ferry-20240229T123456Z-3")
    }
}
