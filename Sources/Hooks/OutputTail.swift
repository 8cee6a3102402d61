/// The last bytes of what a command writes; earlier ones are let go.
struct OutputTail: Sendable {
    /// How many bytes are kept.
    static let byteCountMax = 4096
    private var bytes: [UInt8] = []

    /// Adds what was written next.
    mutating func append(_ written: UnsafeRawBufferPointer) {
        bytes += written.suffix(Self.byteCountMax)
        bytes.removeFirst(max(bytes.count - Self.byteCountMax, 0))
    }

    /// As text, from the first whole character on; what is no UTF-8 is replaced.
    var text: String {
        let isCut = bytes.count == Self.byteCountMax
        let partCount = isCut ? bytes.prefix(3).prefix { $0 & 0xC0 == 0x80 }.count : 0
        return String(decoding: bytes.dropFirst(partCount), as: UTF8.self)
    }
}
