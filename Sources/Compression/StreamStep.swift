/// What one call of a streaming compressor or decompressor did.
public struct StreamStep: Sendable, Equatable {
    /// Bytes of the input that are used up.
    public let consumedByteCount: Int
    /// Bytes of the output that were written, from its start.
    public let producedByteCount: Int
}
