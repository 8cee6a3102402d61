import FoundationEssentials
import Testing

@testable import Planning

@Suite("Schedules")
struct ScheduleTests {
    @Test(
        "every so often means multiples counted from 1970",
        arguments: [
            (0, 900), (899.5, 900), (900, 1800), (-1, 0), (-900, 0), (-901, -900),
        ] as [(Double, Double)])
    func every(after: Double, expected: Double) {
        #expect(Schedule.every(seconds: 900).next(after: seconds(after)) == seconds(expected))
    }

    @Test("no date and no length makes them trap")
    func extremes() {
        for length in [0, -5, 1, 900, Int64.max, .min] {
            for far in [-1e300, -9.3e18, -9.2e18, 9.2e18, 9.3e18, 1e300, .infinity, .nan] {
                let next = Schedule.every(seconds: length).next(after: seconds(far))
                #expect(next.map { $0 > seconds(far) } != false)
            }
        }
        #expect(Schedule.at([]).next(after: seconds(0)) == nil)
    }

    @Test("of several events, the first one counts")
    func first() throws {
        let schedule = Schedule.at(try ["05:00", "03:00", "*-02-30"].map { try CalendarEvent($0, hostZone: .utc) })
        #expect(schedule.next(after: seconds(0)) == seconds(3 * 3_600))
        #expect(schedule.next(after: seconds(3 * 3_600)) == seconds(5 * 3_600))
        #expect(schedule.interval(after: seconds(0)) == 7_200)
        #expect(schedule.interval(after: seconds(3 * 3_600)) == 79_200)
    }

    @Test("have no interval when fewer than two times are left")
    func noInterval() throws {
        #expect(Schedule.every(seconds: 60).interval(after: seconds(7)) == 60)
        #expect(Schedule.at([try CalendarEvent("2026-1-1", hostZone: .utc)]).interval(after: seconds(0)) == nil)
    }

    @Test("a mirror is late once two times are past that its state does not have")
    func late() {
        let schedule = Schedule.every(seconds: 900)
        for now in [4.0, 1_799, 1_800] { #expect(!schedule.isLate(publishedAt: seconds(3), now: seconds(now))) }
        for now in [1_801, 1e9] { #expect(schedule.isLate(publishedAt: seconds(3), now: seconds(now))) }
        #expect(!schedule.isLate(publishedAt: seconds(5_000), now: seconds(3)), "the clock was put back")
    }

    @Test("a quiet weekend is no delay")
    func weekend() throws {
        let schedule = Schedule.at([try CalendarEvent("Mon..Fri 02:30", hostZone: .utc)])
        let friday = try Date("2026-03-27T02:30:05Z", strategy: .iso8601)
        let tuesday = try Date("2026-03-31T02:30:00Z", strategy: .iso8601)
        #expect(!schedule.isLate(publishedAt: friday, now: tuesday))
        #expect(schedule.isLate(publishedAt: friday, now: tuesday.addingTimeInterval(1)))
    }

    @Test("the last time of all makes what is older late")
    func ended() throws {
        let schedule = Schedule.at([try CalendarEvent("1970-1-1 0:01", hostZone: .utc)])
        #expect(!schedule.isLate(publishedAt: seconds(3), now: seconds(60)))
        #expect(schedule.isLate(publishedAt: seconds(3), now: seconds(61)))
        #expect(!schedule.isLate(publishedAt: seconds(61), now: seconds(1e9)))
    }

    private func seconds(_ seconds: Double) -> Date { Date(timeIntervalSince1970: seconds) }
}
