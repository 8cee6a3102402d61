import FoundationEssentials
import TestSupport
import Testing

@testable import Planning

@Suite("Time zones")
struct TimeZoneTests {
    @Test(
        "rules of a year are read and hold in both hemispheres",
        arguments: [
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2100-03-28T00:59:59Z", 3_600),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2100-03-28T01:00:00Z", 7_200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2100-10-31T00:59:59Z", 7_200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2100-10-31T01:00:00Z", 3_600),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00Z", 39_600),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01T00:00:00Z", 36_000),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", 0),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", 3_600),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3_600),
            ("AAA3BBB,J60/0,J61/0", "2028-03-01T12:00:00Z", -7_200),
            ("AAA3BBB,59/0,60/0", "2028-02-29T12:00:00Z", -7_200),
            ("<+0545>-5:45", "2026-01-01T00:00:00Z", 20_700),
        ] as [(String, String, Int64)])
    func yearlyRule(text: String, at: String, offset: Int64) throws {
        let rule = try #require(YearlyClockRule(text))
        let instant = try Int64(Date(at, strategy: .iso8601).timeIntervalSince1970)
        #expect(rule.offset(at: instant) == offset)
    }

    @Test(
        "rules of a year that are malformed are refused",
        arguments: [
            "", "CE-1", "CET", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-25",
            "CET-1CEST,J0,J1", "CET-1CEST,M3.5.0,M10.5.0/3x", "<CET-1", "CET-1:60", "CET-99999999999999999999",
            "CET-1CEST",
        ])
    func malformedRule(text: String) {
        #expect(YearlyClockRule(text) == nil)
    }

    @Test("the host's zone is what the variable TZ says, as a name, a path or a rule")
    func hostZone() throws {
        let berlin = try TimeZoneDatabase.zone(named: "Europe/Berlin")
        #expect(try TimeZoneDatabase.hostZone(variable: "Europe/Berlin") == berlin)
        #expect(try TimeZoneDatabase.hostZone(variable: ":Europe/Berlin") == berlin)
        #expect(try TimeZoneDatabase.hostZone(variable: "/usr/share/zoneinfo/Europe/Berlin") == berlin)
        #expect(try TimeZoneDatabase.hostZone(variable: "") == .utc)
        #expect(try TimeZoneDatabase.hostZone(variable: "XYZ-2").offset(at: 0) == 7_200)
        #expect(throws: ScheduleError.self) { try TimeZoneDatabase.hostZone(variable: "Nowhere/Else") }
        #expect(throws: Never.self) { try TimeZoneDatabase.hostZone(variable: nil) }
    }

    @Test("every zone of the host's list can be read")
    func everyZone() throws {
        let data = try #require(FileManager.default.contents(atPath: "/usr/share/zoneinfo/zone1970.tab"))
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
        for name in lines.compactMap({ $0.split(separator: "\t").dropFirst(2).first }) {
            #expect(throws: Never.self) { try TimeZoneDatabase.zone(named: String(name)) }
        }
        #expect(lines.count > 200)
    }

    @Test("a file that is cut or changed anywhere is refused or read, and never traps")
    func damagedFiles() throws {
        let data = try #require(FileManager.default.contents(atPath: "/usr/share/zoneinfo/Europe/Berlin"))
        let bytes = [UInt8](data)
        #expect(TimeZoneFile(bytes) != nil)
        for count in bytes.indices { #expect(TimeZoneFile(Array(bytes[..<count])) == nil) }
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            var damaged = bytes
            for _ in 0..<3 {
                damaged[Int.random(in: damaged.indices, using: &generator)] = .random(in: 0 ... .max, using: &generator)
            }
            if let file = TimeZoneFile(damaged) { _ = file.rules.moment(ofWallTime: 1_800_000_000) }
        }
    }

    @Test("days are numbered from 1970, there and back")
    func days() {
        #expect(CivilDate(dayNumber: 0) == CivilDate(year: 1970, month: 1, day: 1))
        #expect(CivilDate(year: 2000, month: 3, day: 1).dayNumber == 11_017)
        #expect(CivilDate.weekday(ofDayNumber: 0) == 3)
        #expect(CivilDate.weekday(ofDayNumber: -4) == 6)
        var previous = CivilDate(dayNumber: -800_001)
        for number in -800_000...200_000 {
            let date = CivilDate(dayNumber: number)
            let isNext = date.day == previous.day + 1 && date.month == previous.month || date.day == 1
            guard isNext, date.dayNumber == number else {
                Issue.record("day \(number)")
                return
            }
            previous = date
        }
    }
}
