import FerryCore
import TestSupport

let kibibyte: UInt64 = 1024
let mebibyte: UInt64 = 1024 * 1024

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
