import FerryCore

/// Compresses blocks, each into a zstd frame of its own. Several threads may use it at once.
public final class BlockCompressor: Sendable {
    /// The zstd level.
    public let level: Int
    private let contexts = ContextPool<CompressionContext>()

    /// A compressor at `level`: higher is smaller and slower, negative levels are the fastest.
    public init(level: Int = 1) {
        self.level = level
    }

    /// The levels that a compressor may have.
    public static var levelRange: ClosedRange<Int> { CompressionContext.levelRange }

    /// Appends a zstd frame of `content` to `output`.
    ///
    /// False, with `output` as it was, when the frame would not be smaller than the content: send that as it is.
    /// Throws `badSetting` for a level outside `levelRange`.
    public func compress(_ content: Span<UInt8>, appendingTo output: inout [UInt8]) throws(ZstdError) -> Bool {
        guard content.count > 1 else { return false }
        return try contexts.withContext { () throws(ZstdError) in
            try CompressionContext(level: level)
        } _: { context throws(ZstdError) in
            try Self.append(content, to: &output, with: context)
        }
    }

    private static func append(
        _ content: Span<UInt8>, to output: inout [UInt8], with context: borrowing CompressionContext
    ) throws(ZstdError) -> Bool {
        let countBefore = output.count
        try output.append(addingCapacity: content.count - 1) { tail throws(ZstdError) in
            try tail.withUnsafeMutableBufferPointer { buffer, initializedCount throws(ZstdError) in
                let room = UnsafeMutableRawBufferPointer(buffer)
                initializedCount = try context.compress(content, into: room) ?? 0
            }
        }
        return output.count > countBefore
    }
}
