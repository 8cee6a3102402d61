import FerryCore

/// An input as a list of decisions. When it is used up, every further one is 0.
struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// Whether nothing is left.
    var isEmpty: Bool { rest.isEmpty }

    /// The next byte.
    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// The next bytes, as many as there are, up to `count`.
    mutating func bytes(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// All that is left.
    mutating func remainder() -> [UInt8] { bytes(rest.count) }

    /// The next two bytes, as a length.
    mutating func length() -> Int { Int(byte()) | Int(byte()) << 8 }

    /// One of `values`.
    mutating func one<Value>(of values: [Value]) -> Value { values[Int(byte()) % values.count] }

    /// A number: near `value`, at an end of what 64 bits hold, or any.
    mutating func number(near value: UInt64 = 0) -> UInt64 {
        let choice = byte()
        switch choice {
        case 0..<64: return value &+ UInt64(choice)
        case 64..<128: return value &- UInt64(choice - 63)
        case 128..<192: return (1 << UInt64(choice - 128)) &+ value
        case 192..<200: return .max - UInt64(choice - 192)
        case 200..<208: return (1 << 63) &- 4 &+ UInt64(choice - 200)
        default: return bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}

/// Where an input is cut into slices: at the same places for the same seed.
struct Slicing {
    /// 0: not at all; up to 127: slices of this length; beyond: of varied lengths.
    let seed: UInt8

    /// The pieces of `bytes`, in order.
    func slices(of bytes: [UInt8]) -> [[UInt8]] {
        guard seed > 0 else { return [bytes] }
        var slices: [[UInt8]] = []
        var state = UInt32(seed)
        var start = 0
        while start < bytes.count {
            state = state &* 1_664_525 &+ 1_013_904_223
            let byteCount = seed < 128 ? Int(seed) : 1 + Int(state >> 16) % (1 << (1 + Int(seed & 7)))
            let end = min(bytes.count, start + byteCount)
            slices.append(Array(bytes[start..<end]))
            start = end
        }
        return slices
    }
}
