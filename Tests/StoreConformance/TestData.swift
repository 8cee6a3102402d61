import FerryCore

let kibibyte: UInt64 = 1024
let mebibyte: UInt64 = 1024 * 1024

/// SplitMix64: small, good enough for test data, and the same everywhere for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Bytes of which none is zero, so that a lost write shows everywhere.
    mutating func bytes(_ count: Int) -> [UInt8] {
        // Whole words at once: images of this suite are large for a debug build that goes byte by byte.
        var words = [UInt64](repeating: 0, count: (count + 7) / 8)
        for index in words.indices { words[index] = (next() | 0x0101_0101_0101_0101).littleEndian }
        return words.withUnsafeBytes { Array($0.prefix(count)) }
    }
}

/// `count` bytes, none zero, always the same for the same seed.
func testBytes(_ count: UInt64, seed: UInt64 = 7) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return generator.bytes(Int(count))
}

/// Zeros.
func zeroBytes(_ count: UInt64) -> [UInt8] {
    [UInt8](repeating: 0, count: Int(count))
}

extension [UInt8] {
    /// Puts `bytes` at `offset`, as a write to an image does.
    mutating func overwrite(at offset: UInt64, with bytes: [UInt8]) {
        replaceSubrange(Int(offset)..<Int(offset) + bytes.count, with: bytes)
    }

    /// Zeroes an extent, as a write to an image does.
    mutating func zero(_ extent: Extent) {
        overwrite(at: extent.offset, with: zeroBytes(extent.byteCount))
    }

    /// Sets the size, as a resize of an image does.
    mutating func resize(to byteCount: UInt64) {
        let kept = Swift.min(count, Int(byteCount))
        self = prefix(kept) + zeroBytes(byteCount - UInt64(kept))
    }
}
