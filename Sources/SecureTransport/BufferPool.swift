import NIOCore

/// Large buffers that are used again once nobody else holds them. Taking fresh memory for each costs more than the copy
/// into it: the allocator gives it back to the kernel, which clears it page by page for the next.
struct BufferPool {
    private var buffers: [ByteBuffer] = []

    /// Most buffers that are kept, each of `socketReadByteCountMax` bytes.
    private static let bufferCountMax = 6
    /// Smaller ones are allocated, so that a few bytes do not hold on to a large buffer.
    private static let byteCountMin = TransportLimits.socketReadByteCountMax / 4

    /// A buffer with room for `byteCount` bytes, filled by `fill`.
    mutating func filled<Failure: Error>(
        byteCount: Int, allocator: ByteBufferAllocator, _ fill: (inout ByteBuffer) throws(Failure) -> Void
    ) throws(Failure) -> ByteBuffer {
        let isPooled = (Self.byteCountMin...TransportLimits.socketReadByteCountMax).contains(byteCount)
        guard isPooled else {
            var buffer = allocator.buffer(capacity: byteCount)
            try fill(&buffer)
            return buffer
        }
        if let buffer = try refilled(fill) { return buffer }
        var buffer = allocator.buffer(capacity: TransportLimits.socketReadByteCountMax)
        try fill(&buffer)
        if buffers.count < Self.bufferCountMax { buffers.append(buffer) }
        return buffer
    }

    /// One of the kept buffers that nobody else holds, filled; nil if all are in use.
    private mutating func refilled<Failure: Error>(
        _ fill: (inout ByteBuffer) throws(Failure) -> Void
    ) throws(Failure) -> ByteBuffer? {
        for index in buffers.indices {
            let outcome = buffers[index].modifyIfUniquelyOwned { buffer -> Result<Void, Failure> in
                buffer.clear()
                return Result { () throws(Failure) in try fill(&buffer) }
            }
            if let outcome {
                try outcome.get()
                return buffers[index]
            }
        }
        return nil
    }
}
