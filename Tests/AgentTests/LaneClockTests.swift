import FerryCore
import Foundation
import Planning
import Testing

@testable import Agent

private let noon = Date(timeIntervalSince1970: 1_763_726_400)

/// So many seconds after noon.
private func at(_ seconds: Double) -> Date { noon.addingTimeInterval(seconds) }

@Suite("When a lane runs")
struct LaneClockTests {
    private let minutely = Schedule.every(seconds: 60)
    private var random = SystemRandomNumberGenerator()

    @Test("without a schedule it runs only when asked")
    func unscheduled() {
        var clock = LaneClock(schedule: nil, doneUntil: nil, startedAt: noon)
        #expect(clock.nextRun(now: noon) == nil)
        clock.request()
        #expect(clock.nextRun(now: noon) == noon)
        #expect(clock.begin(now: noon) == nil)
        clock.succeeded(now: at(5))
        #expect(clock.nextRun(now: at(6)) == nil)
    }

    @Test("an image that never ran goes at once, and then with the schedule")
    func first() {
        var clock = LaneClock(schedule: minutely, doneUntil: nil, startedAt: at(10))
        #expect(clock.nextRun(now: at(10)) == at(10))
        #expect(clock.begin(now: at(10)) == at(10))
        clock.succeeded(now: at(20))
        #expect(clock.nextRun(now: at(20)) == at(60))
    }

    @Test("what was missed while no agent ran is made up for at once, by one run")
    func missed() {
        var clock = LaneClock(schedule: minutely, doneUntil: at(-600), startedAt: at(10))
        #expect(clock.nextRun(now: at(10)) == at(-540))
        #expect(clock.begin(now: at(10)) == at(0))
        clock.succeeded(now: at(12))
        #expect(clock.nextRun(now: at(12)) == at(60))
    }

    @Test("a restart right after a snapshot waits for the next due time")
    func restarted() {
        let clock = LaneClock(schedule: minutely, doneUntil: at(1), startedAt: at(10))
        #expect(clock.nextRun(now: at(10)) == at(60))
    }

    @Test("runs that became due during a run are joined to it, not queued")
    func joined() {
        var clock = LaneClock(schedule: minutely, doneUntil: at(0), startedAt: at(0))
        #expect(clock.begin(now: at(60)) == at(60))
        clock.succeeded(now: at(330))
        #expect(clock.nextRun(now: at(330)) == at(360))
    }

    @Test("a failure is tried again after a growing pause, or when the next run is due")
    func retries() {
        var random = random
        var clock = LaneClock(schedule: minutely, doneUntil: at(0), startedAt: at(0))
        _ = clock.begin(now: at(60))
        clock.failed(.temporary, now: at(61), using: &random)
        let first = clock.nextRun(now: at(61))
        #expect(first.map { $0 > at(61) && $0 < at(63) } == true)
        for _ in 0..<12 { clock.failed(.temporary, now: at(70), using: &random) }
        #expect(clock.nextRun(now: at(70)) == at(120), "the next due run comes before the pause ends")
        #expect(clock.begin(now: at(120)) == at(120))
        clock.succeeded(now: at(121))
        #expect(clock.failureCount == 0)
        #expect(clock.nextRun(now: at(121)) == at(180))
    }

    @Test("ten intervals without a peer cost one run when it is back, for the newest time that was due")
    func outage() {
        var random = random
        var clock = LaneClock(schedule: minutely, doneUntil: at(0), startedAt: at(0))
        for minute in 1...10 {
            #expect(clock.begin(now: at(Double(minute) * 60)) == at(Double(minute) * 60))
            clock.failed(.temporary, now: at(Double(minute) * 60 + 1), using: &random)
        }
        #expect(clock.begin(now: at(630)) == at(600))
        clock.succeeded(now: at(631))
        #expect(clock.nextRun(now: at(631)) == at(660))
    }

    @Test("what only people can mend is looked at again once a minute at most")
    func stopped() {
        var random = random
        var clock = LaneClock(schedule: .every(seconds: 86_400), doneUntil: at(0), startedAt: at(0))
        _ = clock.begin(now: at(10))
        clock.failed(.refused, now: at(10), using: &random)
        #expect(clock.nextRun(now: at(10)).map { $0 >= at(70) } == true)
        var unscheduled = LaneClock(schedule: nil, doneUntil: nil, startedAt: at(0))
        unscheduled.failed(.refused, now: at(10), using: &random)
        #expect(unscheduled.nextRun(now: at(10)) == nil)
    }

    @Test("an image that another agent works on is looked at again soon, in case that agent dies")
    func elsewhere() {
        var clock = LaneClock(schedule: .every(seconds: 3600), doneUntil: at(-3600), startedAt: at(0))
        _ = clock.begin(now: at(0))
        clock.elsewhere(now: at(0))
        #expect(clock.nextRun(now: at(0)) == at(LaneClock.elsewhereSeconds))
        #expect(clock.begin(now: at(20)) == at(0), "the run is still owed")
    }

    @Test("what waits to be sent when the agent starts goes at once, without a snapshot that is not due")
    func owed() {
        var clock = LaneClock(schedule: .every(seconds: 86_400), doneUntil: at(1), isOwed: true, startedAt: at(10))
        #expect(clock.nextRun(now: at(10)) == at(10))
        #expect(clock.begin(now: at(10)) == nil)
    }

    @Test("a clock that was set back does not keep runs waiting until it has caught up")
    func setBack() {
        var clock = LaneClock(schedule: minutely, doneUntil: at(0), startedAt: at(0))
        _ = clock.begin(now: at(86_400))
        clock.succeeded(now: at(86_401))
        clock.notice(at(10))
        #expect(clock.nextRun(now: at(10)) == at(60))
        clock.notice(at(60))
        #expect(clock.nextRun(now: at(60)) == at(60))
        #expect(clock.begin(now: at(60)) == at(60))
    }

    @Test("an image that never got through owes one snapshot, not one for each try")
    func neverDone() {
        var random = random
        var clock = LaneClock(schedule: .every(seconds: 86_400), doneUntil: nil, startedAt: at(10))
        #expect(clock.begin(now: at(10)) == at(10))
        clock.failed(.temporary, now: at(11), using: &random)
        #expect(clock.begin(now: at(12)) == at(10))
    }

    @Test("after an outage of very many intervals the newest state is owed")
    func longOutage() {
        var clock = LaneClock(schedule: minutely, doneUntil: at(0), startedAt: at(0))
        #expect(clock.begin(now: at(100_000)) == at(100_000))
    }

    @Test("a run that only sent what there was does not stand for those that became due while it went")
    func sentOnly() {
        var clock = LaneClock(schedule: minutely, doneUntil: at(0), startedAt: at(0))
        #expect(clock.begin(now: at(59)) == nil)
        clock.succeeded(now: at(90), madeSnapshot: false)
        #expect(clock.nextRun(now: at(90)) == at(60))
        #expect(clock.begin(now: at(90)) == at(60))
    }
}
