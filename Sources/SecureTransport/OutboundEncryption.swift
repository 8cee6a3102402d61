import NIOCore
import OpenSSL

/// Plaintext on its way into TLS records. Small buffers share ciphertext buffers, large ones are cut, so that the socket
/// gets pieces of just under 128 KiB.
struct OutboundEncryption {
    private struct Entry {
        var plaintext: ByteBuffer
        let promise: EventLoopPromise<Void>?
    }

    private var entries = CircularBuffer<Entry>()

    /// Adds plaintext; `promise` is kept when its last byte has gone to the kernel.
    mutating func append(_ plaintext: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        entries.append(Entry(plaintext: plaintext, promise: promise))
    }

    /// Drops what is left.
    mutating func fail(_ error: TLSError) {
        let dropped = entries
        entries.removeAll()
        for entry in dropped { entry.promise?.fail(error) }
    }

    /// Encrypts the next piece of what was added; nil when nothing is left. `promise` goes with the ciphertext.
    ///
    /// Sending a piece can fail at once, and whoever hears of it may add more: so the caller sends it, when we are done.
    mutating func next(
        _ connection: TLSConnection, pool: inout BufferPool, allocator: ByteBufferAllocator
    ) throws(TLSError) -> (ciphertext: ByteBuffer, promise: EventLoopPromise<Void>?)? {
        guard !entries.isEmpty else { return nil }
        var promise: EventLoopPromise<Void>?
        let room = TransportLimits.encryptedPieceByteCountMax
        let ciphertext = try pool.filled(byteCount: capacity(room: room, connection), allocator: allocator) {
            (ciphertext) throws(TLSError) in
            promise = try encryptPiece(room, connection, into: &ciphertext)
        }
        return (ciphertext, promise)
    }

    /// Encrypts what fits into one piece; the promise of what it completes.
    private mutating func encryptPiece(
        _ byteCountMax: Int, _ connection: TLSConnection, into ciphertext: inout ByteBuffer
    ) throws(TLSError) -> EventLoopPromise<Void>? {
        var room = byteCountMax
        var promise: EventLoopPromise<Void>?
        while room > 0, let entry = entries.first {
            let piece = entry.plaintext.readableBytes <= room ? entry.plaintext : entry.plaintext.prefix(room)
            try encrypt(piece, connection, into: &ciphertext)
            // A record costs the same whatever it holds, so a small one takes its share of the room too.
            room -= max(piece.readableBytes, 1024)
            entries[entries.startIndex].plaintext.moveReaderIndex(forwardBy: piece.readableBytes)
            if piece.readableBytes == entry.plaintext.readableBytes {
                entries.removeFirst()
                promise.join(entry.promise)
            }
        }
        return promise
    }

    private func capacity(room: Int, _ connection: TLSConnection) -> Int {
        var waiting = 0
        for entry in entries where waiting < room { waiting += max(entry.plaintext.readableBytes, 1024) }
        let plaintext = min(waiting, room)
        return TLSConnection.ciphertextByteCountMax(plaintextByteCount: plaintext) + connection.pendingOutputByteCount
    }

    private func encrypt(
        _ piece: ByteBuffer, _ connection: TLSConnection, into ciphertext: inout ByteBuffer
    ) throws(TLSError) {
        let byteCount =
            TLSConnection.ciphertextByteCountMax(plaintextByteCount: piece.readableBytes)
            + connection.pendingOutputByteCount
        try ciphertext.writeWithOutputRawSpan(minimumWritableBytes: byteCount) { (span) throws(TLSError) in
            try connection.write(piece.readableBytesSpan, into: &span)
        }
    }
}

extension ByteBuffer {
    /// The first `byteCount` readable bytes, without copying.
    fileprivate func prefix(_ byteCount: Int) -> ByteBuffer {
        getSlice(at: readerIndex, length: byteCount) ?? self
    }
}

extension EventLoopPromise<Void>? {
    /// Makes `other` follow this promise, or take its place.
    fileprivate mutating func join(_ other: EventLoopPromise<Void>?) {
        guard let other else { return }
        if let first = self { first.futureResult.cascade(to: other) } else { self = other }
    }
}
