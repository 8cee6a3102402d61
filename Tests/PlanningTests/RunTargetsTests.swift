import FerryCore
import FoundationEssentials
import Testing

@testable import Planning

private let noon = Date(timeIntervalSince1970: 1_763_726_400)

/// Snapshots with ids from 1 on, by name; `ferry+N` is ours, made N seconds after noon.
private func history(_ names: String...) -> [RetainedSnapshot] {
    names.enumerated().map { index, name in
        let seconds = name.hasPrefix("ferry+") ? Double(name.dropFirst(6)) ?? 0 : Double(index)
        let time = noon.addingTimeInterval(seconds)
        let full = name.hasPrefix("ferry+") ? SnapshotName.own(at: time, taken: []) : name
        return RetainedSnapshot(identity: SnapshotIdentity(id: UInt64(index + 1), name: full), time: time)
    }
}

@Suite("What a scheduled run makes and sends")
struct RunTargetsTests {
    private func ids(
        _ snapshots: [RetainedSnapshot], _ selection: SnapshotSelection = .own, acknowledged: UInt64? = nil,
        unfinished: UInt64? = nil, catchUp: CatchUp = .newest, keep: Retention = .all
    ) -> [UInt64] {
        func identity(_ id: UInt64?) -> SnapshotIdentity? {
            snapshots.first { $0.identity.id == id }?.identity
        }
        var record = SenderRecord(acknowledged: identity(acknowledged))
        record.inFlight = identity(unfinished).map { SenderRecord.InFlight(target: $0, isOwn: true) }
        return RunTargets(selection: selection, catchUp: catchUp, keep: keep)
            .decide(snapshots: snapshots, record: record, now: noon.addingTimeInterval(86_400)).map(\.identity.id)
    }

    @Test("of our own snapshots only the newest goes, whatever was missed in between")
    func newest() {
        let snapshots = history("ferry+0", "ferry+60", "ferry+120", "ferry+180")
        #expect(ids(snapshots) == [4])
        #expect(ids(snapshots, acknowledged: 1) == [4])
        #expect(ids(snapshots, acknowledged: 4) == [])
    }

    @Test("a transfer that was begun goes on first, and then the newest follows")
    func unfinished() {
        let snapshots = history("ferry+0", "ferry+60", "ferry+120", "ferry+180")
        #expect(ids(snapshots, acknowledged: 1, unfinished: 2) == [2, 4])
        #expect(ids(snapshots, acknowledged: 2, unfinished: 2) == [4])
        #expect(ids(snapshots, acknowledged: 1, unfinished: 9) == [4])
    }

    @Test("users' snapshots go when they are selected, all and in order; an export's own never")
    func users() {
        let snapshots = history("daily-1", "ferry+60", "ferry-export-x", "daily-2", "other", "ferry+120")
        #expect(ids(snapshots) == [6])
        #expect(ids(snapshots, .all) == [1, 4, 5, 6])
        #expect(ids(snapshots, .all, acknowledged: 4) == [5, 6])
        #expect(ids(snapshots, .matching(ImagePattern("daily-*"))) == [1, 4])
    }

    @Test("with catch-up by retention, those in between go that it wants for more than being new")
    func catchUp() {
        var rules = RetentionRules()
        rules.last = 2
        rules.hourly = 3
        let snapshots = history("ferry+0", "ferry+60", "ferry+3600", "ferry+3660", "ferry+7200", "ferry+7260")
        #expect(ids(snapshots, catchUp: .retention, keep: .rules(rules)) == [2, 4, 6])
        #expect(ids(snapshots, catchUp: .newest, keep: .rules(rules)) == [6])
    }

    @Test("a snapshot is made when none is as new as the run that was due")
    func needsSnapshot() {
        let targets = RunTargets(selection: .own, catchUp: .newest, keep: .all)
        let names = history("ferry+60", "daily").map(\.identity)
        func needs(_ seconds: Double?) -> Bool {
            targets.needsSnapshot(
                dueAt: seconds.map(noon.addingTimeInterval), snapshots: names, now: noon.addingTimeInterval(100))
        }
        #expect(needs(61))
        #expect(!needs(60))
        #expect(!needs(60.9), "names tell whole seconds")
        #expect(!needs(nil), "nothing was due")
        let future = history("ferry+9000").map(\.identity)
        #expect(targets.needsSnapshot(dueAt: noon, snapshots: future, now: noon), "a wrong clock made it")
        #expect(!targets.needsSnapshot(dueAt: nil, snapshots: future, now: noon))
        #expect(targets.needsSnapshot(dueAt: nil, snapshots: [], now: noon), "there is none at all")
        let users = RunTargets(selection: .matching(ImagePattern("*")), catchUp: .newest, keep: .all)
        #expect(!users.needsSnapshot(dueAt: noon, snapshots: [], now: noon), "users make theirs")
    }

    @Test(
        "names tell which snapshots are ours, and when they were made",
        arguments: [
            ("ferry-20251121T120000Z", true), ("ferry-20251121T120000Z-2", true), ("ferry-20251121T120000Z-1", false),
            ("ferry-20251121T120000Z-x", false), ("ferry-20251121T120000Z-2-3", false),
            ("ferry-20251321T120000Z", false),
            ("ferry-", false), ("ferry-export-20251121T120000Z", false), ("daily", false), ("", false),
            ("xferry-20251121T120000Z", false), ("ferry-2025-11-21T12:00Z", false),
        ])
    func ownNames(name: String, isOwn: Bool) {
        #expect(SnapshotName.isOwn(name) == isOwn)
        if isOwn { #expect(SnapshotName.ownTime(name) == noon) }
    }
}
