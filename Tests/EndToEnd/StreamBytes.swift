import TestSupport

/// A stream, made byte by byte, right or wrong. Shares no code with rbd-ferry.
struct StreamBytes: Sendable {
    private(set) var bytes: [UInt8] = []
    /// Whether records say their length, as in `rbd diff v2`.
    private let hasLengths: Bool

    private init(_ banner: String, hasLengths: Bool) {
        bytes = Array(banner.utf8)
        self.hasLengths = hasLengths
    }

    /// `rbd diff v1`
    static var v1: StreamBytes { StreamBytes("rbd diff v1\n", hasLengths: false) }
    /// `rbd diff v2`
    static var v2: StreamBytes { StreamBytes("rbd diff v2\n", hasLengths: true) }

    /// `rbd image v2` with diffs; `count` is what it says of their number.
    static func image(count: UInt64? = nil, order: UInt64 = 22, _ diffs: [StreamBytes]) -> StreamBytes {
        var stream = StreamBytes("rbd image v2\n", hasLengths: true)
        for (tag, number) in [("O", order), ("T", 61), ("U", 1 << order), ("C", 1)] {
            stream.append(tag, le(number))
        }
        stream.bytes += Array("Erbd image diffs v2\n".utf8) + le(count ?? UInt64(diffs.count))
        for diff in diffs { stream.bytes += diff.bytes }
        return stream
    }

    func from(_ name: String) -> StreamBytes { adding("f", Self.string(Array(name.utf8))) }
    func to(_ name: String) -> StreamBytes { adding("t", Self.string(Array(name.utf8))) }
    func to(bytes: [UInt8]) -> StreamBytes { adding("t", Self.string(bytes)) }
    func size(_ byteCount: UInt64) -> StreamBytes { adding("s", Self.le(byteCount)) }
    func end() -> StreamBytes { raw([UInt8(ascii: "e")]) }

    /// Letters derived from the offset over a range.
    func write(_ offset: UInt64, _ byteCount: Int, seed: UInt64 = 1) -> StreamBytes {
        var generator = SeededGenerator(seed: seed &* 1_000_003 &+ offset)
        return write(offset, saying: UInt64(byteCount), generator.bytes(byteCount))
    }

    /// A write that says another length than it has.
    func write(_ offset: UInt64, saying byteCount: UInt64, _ data: [UInt8]) -> StreamBytes {
        let length = hasLengths ? Self.le(byteCount &+ 16) : []
        return raw([UInt8(ascii: "w")] + length + Self.le(offset) + Self.le(byteCount) + data)
    }

    func zero(_ offset: UInt64, _ byteCount: UInt64) -> StreamBytes {
        adding("z", Self.le(offset) + Self.le(byteCount))
    }

    func raw(_ more: [UInt8]) -> StreamBytes {
        var stream = self
        stream.bytes += more
        return stream
    }

    /// Without the last bytes.
    func cut(_ byteCount: Int) -> StreamBytes {
        var stream = self
        stream.bytes.removeLast(byteCount)
        return stream
    }

    private func adding(_ tag: String, _ payload: [UInt8]) -> StreamBytes {
        var stream = self
        stream.append(tag, payload)
        return stream
    }

    private mutating func append(_ tag: String, _ payload: [UInt8]) {
        bytes += Array(tag.utf8) + (hasLengths ? Self.le(UInt64(payload.count)) : []) + payload
    }

    private static func string(_ bytes: [UInt8]) -> [UInt8] {
        Array(le(UInt64(bytes.count)).prefix(4)) + bytes
    }

    private static func le(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
}
