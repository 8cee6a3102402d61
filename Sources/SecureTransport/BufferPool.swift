import NIOCore

/// Large buffers that are used again once nobody else holds them. Taking fresh memory for each costs more than the copy
/// into it: the allocator gives it back to the kernel, which clears it page by page for the next.
struct BufferPool {
    private let bufferByteCount: Int
    private let bufferCountMax: Int
    private var buffers: [ByteBuffer] = []

    /// A pool that keeps `bufferCountMax` buffers at most, each of `bufferByteCount` bytes.
    init(bufferByteCount: Int, bufferCountMax: Int) {
        self.bufferByteCount = bufferByteCount
        self.bufferCountMax = bufferCountMax
    }

    /// A buffer with room for `byteCount` bytes, filled by `fill`.
    mutating func filled<Failure: Error>(
        byteCount: Int, allocator: ByteBufferAllocator, _ fill: (inout ByteBuffer) throws(Failure) -> Void
    ) throws(Failure) -> ByteBuffer {
        // Few bytes do not hold on to a large buffer.
        guard (bufferByteCount / 4...bufferByteCount).contains(byteCount) else {
            var buffer = allocator.buffer(capacity: byteCount)
            try fill(&buffer)
            return buffer
        }
        if let buffer = try refilled(fill) { return buffer }
        var buffer = allocator.buffer(capacity: bufferByteCount)
        try fill(&buffer)
        if buffers.count < bufferCountMax { buffers.append(buffer) }
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
