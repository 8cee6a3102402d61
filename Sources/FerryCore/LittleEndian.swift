extension Array where Element == UInt8 {
    /// Appends `value` as its little-endian bytes.
    @inlinable
    public mutating func append<Value: FixedWidthInteger & UnsignedInteger>(littleEndian value: Value) {
        for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> Value(shift)))
        }
    }
}

extension Span where Element == UInt8 {
    /// The little-endian integer that starts at `index`; nil when the span ends before it does.
    @inlinable
    public func littleEndian<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type, at index: Int
    ) -> Value? {
        let byteCount = Value.bitWidth / 8
        guard index >= 0, index <= count, count - index >= byteCount else { return nil }
        var value: Value = 0
        for position in 0..<byteCount {
            value |= Value(self[index + position]) << Value(position * 8)
        }
        return value
    }
}
