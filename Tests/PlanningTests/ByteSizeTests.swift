import Testing

@testable import Planning

@Suite("Sizes in configurations")
struct ByteSizeTests {
    @Test(
        "are a whole number and a unit",
        arguments: [
            ("1B", 1), ("500GiB", 500 << 30), ("10 TiB", 10 << 40), ("0KiB", 0), ("3MiB", 3 << 20), ("1PiB", 1 << 50),
        ] as [(String, UInt64)])
    func read(text: String, byteCount: UInt64) throws {
        #expect(try ByteSize(text).byteCount == byteCount)
        #expect(try ByteSize(ByteSize(text).description).byteCount == byteCount)
    }

    @Test(
        "are written in the largest unit that fits", arguments: [(1 << 30, "1GiB"), (1536 << 10, "1536KiB"), (7, "7B")])
    func written(byteCount: UInt64, text: String) {
        #expect(ByteSize(byteCount: byteCount).description == text)
    }

    @Test(
        "that are none are refused with what to write",
        arguments: [
            ("", "500GiB"), ("GiB", "500GiB"), ("5", "500GiB"), ("5gb", "5GiB"), ("5T", "5TiB"), ("-1GiB", "500GiB"),
            ("1.5TiB", "500GiB"), ("99999999999999999999GiB", "500GiB"), ("16384PiB", "500GiB"), ("5x", "500GiB"),
        ])
    func refused(text: String, remedy: String) {
        let error = #expect(throws: ScheduleError.self) { try ByteSize(text) }
        #expect(error?.remedy.contains(remedy) == true, "\(error?.remedy ?? "")")
    }
}
