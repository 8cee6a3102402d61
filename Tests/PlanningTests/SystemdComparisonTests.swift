import Foundation
import TestSupport
import Testing

@testable import Planning

/// Rounds of random expressions; each asks systemd once. `RBD_FERRY_TEST_ROUNDS` sets another number of them.
private let roundCount = ProcessInfo.processInfo.environment["RBD_FERRY_TEST_ROUNDS"].flatMap { Int($0) } ?? 12
private let expressionCount = 40

@Suite("Calendar events compared with systemd's", .enabled(if: SystemdAnalyze.isThere))
struct SystemdComparisonTests {
    /// Not Dublin and its like, whose summer is the standard time: systemd 252 stands still there. And not before 2012,
    /// when St. John's put its clocks back over midnight: systemd 252 leaves out the day after.
    private static let zones = [
        "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu",
        "Pacific/Apia", "America/St_Johns", "Pacific/Auckland",
    ]

    @Test("the same times are due after the same times", arguments: [UInt64.random(in: 0 ... .max)])
    func times(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<roundCount {
            let zone = Self.zones.randomElement(using: &generator) ?? "UTC"
            let rules = try TimeZoneDatabase.zone(named: zone)
            let base = Self.base(rules, using: &generator)
            var random = RandomCalendarEvent(generator: generator)
            let expressions = (0..<expressionCount).map { _ in random.next() }
            generator = random.generator
            let expected = try await SystemdAnalyze.ask(expressions, zone: zone, base: base, count: 5)
            for (text, expected) in zip(expressions, expected.answers) where !Self.isDoubtful(expected, rules) {
                let event = try CalendarEvent(text, hostZone: rules)
                let answer = SystemdAnalyze.Answer.due(Self.due(event, base, count: 5))
                #expect(answer == expected, "\(text) in \(zone) after @\(base), seed \(seed)")
            }
        }
    }

    @Test("the same texts are refused", arguments: [UInt64.random(in: 0 ... .max)])
    func refusals(seed: UInt64) async throws {
        var random = RandomCalendarEvent(generator: SeededGenerator(seed: seed))
        for _ in 0..<roundCount {
            let expressions = (0..<expressionCount).map { _ in random.nextDamaged() }
            let expected = try await SystemdAnalyze.ask(expressions, zone: "UTC", base: 1_800_000_000, count: 1)
            for (text, expected) in zip(expressions, expected.answers) {
                guard !Self.isKnownToDiffer(text) else { continue }
                let event = try? CalendarEvent(text, hostZone: .utc)
                #expect((event == nil) == (expected == .refused), "\(text), seed \(seed)")
            }
        }
    }

    /// systemd shortens a range to a multiple of its step before it looks at its end, refuses high days in lists from
    /// the end of the month and ranges of one second, and knows fractions of seconds and an old misspelling.
    private static func isKnownToDiffer(_ text: String) -> Bool {
        let patterns = [/\.\..*\//, /~.*,/, /:.*:.*\.\./, /:.*:.*\d\.\d/, /^anually/.ignoresCase()]
        return patterns.contains { text.contains($0) }
    }

    /// What mktime(3) makes of a time that clocks show twice depends on what it was asked before: now and then systemd
    /// goes over to the second showing midway.
    private static func isDoubtful(_ answer: SystemdAnalyze.Answer, _ rules: TimeZoneRules) -> Bool {
        guard case .due(let dates) = answer else { return answer == .gaveUp }
        return dates.contains { date in
            let instant = Int64(date.timeIntervalSince1970)
            guard case .twice(let first, _) = rules.moment(ofWallTime: instant + rules.offset(at: instant)) else {
                return false
            }
            return first != instant
        }
    }

    private static func due(_ event: CalendarEvent, _ base: Int64, count: Int) -> [Date] {
        var (due, last): ([Date], Date) = ([], Date(timeIntervalSince1970: Double(base)))
        while due.count < count, let next = event.next(after: last) {
            due.append(next)
            last = next
        }
        return due
    }

    /// A time from 2012 to 2060, every other time shortly before the clocks change, if they do.
    private static func base(_ rules: TimeZoneRules, using generator: inout SeededGenerator) -> Int64 {
        let base = Int64.random(in: 1_325_376_000...2_840_140_800, using: &generator)
        let change = (0..<400).lazy.map { base + $0 * 86_400 }
            .first { rules.offset(at: $0) != rules.offset(at: $0 + 86_400) }
        guard let change, Bool.random(using: &generator) else { return base }
        return change - Int64.random(in: 0...86_400, using: &generator)
    }
}
