/// SplitMix64: small, good enough for test data, and the same everywhere for the same seed.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator whose numbers depend on the seed only.
    public init(seed: UInt64) { state = seed }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Bytes of which none is zero, so that a lost write shows everywhere.
    public mutating func bytes(_ count: Int) -> [UInt8] {
        // Whole words at once: a debug build is slow byte by byte.
        var words = [UInt64](repeating: 0, count: (count + 7) / 8)
        for index in words.indices { words[index] = (next() | 0x0101_0101_0101_0101).littleEndian }
        return words.withUnsafeBytes { Array($0.prefix(count)) }
    }
}
