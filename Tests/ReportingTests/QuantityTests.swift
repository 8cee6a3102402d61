import Reporting
import Testing

@Suite("quantities")
struct QuantityTests {
    @Test(
        "a span shows its two largest units",
        arguments: [
            (0, "0s"), (0.9, "0s"), (59.9, "59s"), (60, "1m"), (61, "1m 1s"), (3599, "59m 59s"), (3600, "1h"),
            (3661, "1h 1m"), (86_400, "1d"), (86_461, "1d"), (90_000, "1d 1h"), (-5, "0s"), (.nan, "0s"),
        ] as [(Double, String)])
    func span(_ seconds: Double, _ expected: String) {
        #expect(Quantity.span(seconds) == expected)
    }

    @Test(
        "decimals are rounded to so many digits",
        arguments: [
            (0, 2, "0.00"), (1.005, 1, "1.0"), (1.05, 2, "1.05"), (0.999, 2, "1.00"), (-0.001, 2, "0.00"),
            (-2.5, 1, "-2.5"), (123.456, 0, "123"), (12.0625, 3, "12.063"),
        ] as [(Double, Int, String)])
    func decimal(_ value: Double, _ digits: Int, _ expected: String) {
        #expect(Quantity.decimal(value, digits: digits) == expected)
    }

    @Test("bytes, rates and clocks")
    func others() {
        #expect(Quantity.bytes(1023) == "1023 B")
        #expect(Quantity.bytes(1536) == "1.5 KiB")
        #expect(Quantity.bytes(.max) == "16.0 EiB")
        #expect(Quantity.rate(3 * 1_048_576) == "3.0 MiB/s")
        #expect(Quantity.clock(123) == "2:03")
        #expect(Quantity.clock(3723) == "1:02:03")
        #expect(Quantity.seconds(.milliseconds(1230)) == "1.23")
    }
}
