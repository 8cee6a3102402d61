import Planning
import Testing

@Suite("A share")
struct PercentageTests {
    @Test(
        "is read with or without its sign, and written as it was",
        arguments: [("1%", 1), ("0.25%", 0.25), ("100", 100), ("0%", 0), ("12.5%", 12.5), ("007.5000%", 7.5)])
    func reads(_ text: String, _ value: Double) throws {
        let share = try Percentage(text)
        #expect(share.value == value)
        #expect(try Percentage(share.description) == share)
    }

    @Test("has no fraction that is 0 when it is written")
    func description() {
        #expect(Percentage(5).description == "5%" && Percentage(0.5).description == "0.5%")
    }

    @Test(
        "is refused when it is none",
        arguments: [
            "", "%", "-1%", "100.1%", "101", "1e2", "nan", "inf", "1,5%", ".5%", "5.%", "1%%", " 1%", "0x1p3", "1.2.3",
            "0.00001%", "٣%",
        ])
    func refused(_ text: String) {
        #expect(throws: ScheduleError.self) { try Percentage(text) }
    }
}
