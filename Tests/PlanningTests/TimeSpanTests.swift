import Planning
import TestSupport
import Testing

@Suite("Lengths of time")
struct TimeSpanTests {
    @Test(
        "are read in each unit, and in several together",
        arguments: [
            ("30s", 30), ("15m", 900), ("2h", 7_200), ("7d", 604_800), ("4w", 2_419_200), ("1h30m", 5_400),
            ("1h 30min", 5_400), ("30 min 1 hour", 5_400), ("1sec", 1), ("2seconds", 2), ("1 second", 1),
            ("1minute", 60), ("2minutes", 120), ("2hr", 7_200), ("3hours", 10_800), ("1day", 86_400),
            ("2 days", 172_800), ("1week", 604_800), ("2weeks", 1_209_600), (" 5m ", 300), ("3650d", 315_360_000),
        ] as [(String, Int64)])
    func read(text: String, seconds: Int64) throws {
        #expect(try TimeSpan(text).seconds == seconds)
    }

    @Test(
        "that are not understood say what is wrong and what to write",
        arguments: [
            ("90", "90 in \"90\" has no unit", "write 90s, 90m or 90h"),
            ("1h30", "30 in \"1h30\" has no unit", "write 30s, 30m or 30h"),
            ("", "\"\" is no length of time", "write numbers with units (s, m, h, d, w): 30s, 15m, 1h30m, 7d"),
            ("0s", "\"0s\" is no length of time", "write numbers with units (s, m, h, d, w): 30s, 15m, 1h30m, 7d"),
            ("-5m", "\"-5m\" is no length of time", "write numbers with units (s, m, h, d, w): 30s, 15m, 1h30m, 7d"),
            ("m", "\"m\" is no length of time", "write numbers with units (s, m, h, d, w): 30s, 15m, 1h30m, 7d"),
            ("1.5h", "\"1.5h\" has a fraction", "write 1h30m rather than 1.5h"),
            (
                "5M", "\"5M\" has the unknown unit M",
                "months and years have no fixed length: write days, as in 30d (minutes are m)"
            ),
            ("500ms", "\"500ms\" has the unknown unit ms", "write whole seconds"),
            (
                "5x", "\"5x\" has the unknown unit x",
                "units are s, m, h, d and w, or written out as in 30 seconds, 2 weeks"
            ),
            ("3651d", "\"3651d\" is too long", "write at most 3650d"),
            ("99999999999999999999s", "\"99999999999999999999s\" is too long", "write at most 3650d"),
            ("9223372036854775807w", "\"9223372036854775807w\" is too long", "write at most 3650d"),
            ("3650d 9223372036854775807s", "\"3650d 9223372036854775807s\" is too long", "write at most 3650d"),
        ])
    func refused(text: String, problem: String, remedy: String) {
        #expect(throws: ScheduleError(problem: problem, remedy: remedy)) { try TimeSpan(text) }
    }

    @Test(
        "are written without parts that are 0",
        arguments: [
            (900, "15m"), (5_400, "1h30m"), (604_800, "7d"), (2_592_000, "30d"), (90_061, "1d1h1m1s"), (0, "0s"),
            (-90, "-1m30s"), (.max, "106751991167300d15h30m7s"), (.min, "-106751991167300d15h30m8s"),
        ] as [(Int64, String)])
    func written(seconds: Int64, text: String) {
        #expect(TimeSpan(seconds: seconds).description == text)
    }

    @Test("are the same when they are written and read again", arguments: [UInt64.random(in: 0 ... .max)])
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let span = TimeSpan(seconds: .random(in: 1...TimeSpan.secondsMax, using: &generator))
            #expect(try TimeSpan(span.description) == span, "seed \(seed)")
        }
    }
}
