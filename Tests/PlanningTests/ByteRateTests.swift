import Planning
import TestSupport
import Testing

@Suite("Rates")
struct ByteRateTests {
    @Test(
        "are read in bytes and in bits, and shown in the largest unit that fits",
        arguments: [
            ("20MiB", 20_971_520, "20MiB"), ("500KiB/s", 512_000, "500KiB"), ("1 GiB/s", 1_073_741_824, "1GiB"),
            ("200Mbit", 25_000_000, "200Mbit"), ("1Gbit/s", 125_000_000, "1Gbit"), ("1024KiB", 1_048_576, "1MiB"),
            ("65537B", 65_537, "65537B"), ("800kbit", 100_000, "800kbit"), ("64KiB", 65_536, "64KiB"),
            ("1TiB", 1_099_511_627_776, "1TiB"), (" 100 MiB", 104_857_600, "100MiB"),
        ] as [(String, UInt64, String)])
    func read(text: String, bytesPerSecond: UInt64, shown: String) throws {
        let rate = try ByteRate(text)
        #expect(rate.bytesPerSecond == bytesPerSecond && rate.description == shown)
        #expect(try ByteRate(shown) == rate)
    }

    @Test(
        "that are not understood say why",
        arguments: [
            ("", "\"\" is no rate"), ("fast", "\"fast\" is no rate"), ("-1MiB", "\"-1MiB\" is no rate"),
            ("20", "20 in \"20\" has no unit"), ("20/s", "20 in \"20/s\" has no unit"),
            ("1.5MiB", "\"1.5MiB\" has a fraction"), ("20MB", "\"20MB\" has the unknown unit MB"),
            ("20mib", "\"20mib\" has the unknown unit mib"), ("20 MiB/h", "\"20 MiB/h\" has the unknown unit MiB/h"),
            ("63KiB", "\"63KiB\" is too slow for a limit"), ("0MiB", "\"0MiB\" is too slow for a limit"),
            ("1025GiB", "\"1025GiB\" is too fast for a limit"),
            ("99999999999999999999MiB", "\"99999999999999999999MiB\" is too fast for a limit"),
            ("9999999999999999TiB", "\"9999999999999999TiB\" is too fast for a limit"),
        ])
    func refused(text: String, problem: String) {
        let error = #expect(throws: ScheduleError.self) { try ByteRate(text) }
        #expect(error?.problem == problem)
        #expect(error?.remedy.isEmpty == false)
    }

    @Test(
        "of an unknown unit say what may have been meant, and never bytes alone for bits",
        arguments: [
            ("20mbit", "write 20Mbit"), ("1gbit", "write 1Gbit"), ("20mib", "write 20MiB"),
            ("200mbps", "write 200MiB or 200Mbit, whichever you mean"),
            ("1G", "write 1GiB or 1Gbit, whichever you mean"),
            ("5KB", "write 5KiB or 5kbit, whichever you mean"),
        ])
    func remedy(text: String, remedy: String) {
        let error = #expect(throws: ScheduleError.self) { try ByteRate(text) }
        #expect(error?.remedy == remedy)
    }

    @Test("any rate is read again as it is shown")
    func roundTrip() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<1000 {
            let rate = ByteRate(
                bytesPerSecond: UInt64.random(in: ByteRate.range, using: &generator)
                    >> UInt64.random(in: 0..<20, using: &generator) | 1 << 17)
            #expect(try ByteRate(rate.description) == rate, "seed \(seed)")
        }
        #expect(ByteRate(bytesPerSecond: .max).description == "\(UInt64.max)B")
    }
}
