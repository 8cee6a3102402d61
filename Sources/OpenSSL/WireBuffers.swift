import COpenSSL

/// The two ends of the wire as libssl sees them: the ciphertext of the current call, and room for what it makes.
///
/// libssl reads straight from the caller's buffer and writes straight into it; bytes are copied once in each direction.
/// What finds no room in the caller's buffer waits in `overflow`, so that a write never blocks and never fails.
struct WireBuffers {
    fileprivate var input = UnsafeRawBufferPointer(start: nil, count: 0)
    fileprivate var output = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// Bytes of `output` that are filled.
    private(set) var outputByteCount = 0
    /// Ciphertext that waits for a buffer, oldest first. Bounded by what one call makes.
    private(set) var overflow: [UInt8] = []

    /// Ciphertext of the caller's that is not read yet.
    var inputByteCount: Int { input.count }

    mutating func lend(input: UnsafeRawBufferPointer) { self.input = input }

    /// Takes room for ciphertext, and fills it with what waited.
    mutating func lend(output: UnsafeMutableRawBufferPointer) {
        self.output = output
        outputByteCount = 0
        guard !overflow.isEmpty else { return }
        let count = min(overflow.count, output.count)
        overflow.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: output[..<count]).copyMemory(from: .init(rebasing: $0[..<count]))
        }
        overflow.removeFirst(count)
        outputByteCount = count
    }

    /// Forgets the caller's buffers; they are valid during one call only.
    mutating func takeBack() {
        input = UnsafeRawBufferPointer(start: nil, count: 0)
        output = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        outputByteCount = 0
    }

    fileprivate mutating func read(into destination: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(destination.count, input.count)
        guard count > 0 else { return 0 }
        UnsafeMutableRawBufferPointer(rebasing: destination[..<count]).copyMemory(
            from: .init(rebasing: input[..<count]))
        input = UnsafeRawBufferPointer(rebasing: input[count...])
        return count
    }

    fileprivate mutating func write(_ bytes: UnsafeRawBufferPointer) {
        // Once something waits, all that follows waits behind it.
        let room = overflow.isEmpty ? min(bytes.count, output.count - outputByteCount) : 0
        if room > 0 {
            UnsafeMutableRawBufferPointer(rebasing: output[outputByteCount..<outputByteCount + room])
                .copyMemory(from: .init(rebasing: bytes[..<room]))
            outputByteCount += room
        }
        if room < bytes.count { overflow.append(contentsOf: bytes[room...]) }
    }
}

extension WireBuffers {
    /// A BIO over `buffers`, which must outlive it. The caller frees it, or gives it to an `SSL`.
    ///
    /// Implements: BIO *BIO_new(const BIO_METHOD *type);
    static func makeBIO(_ buffers: UnsafeMutablePointer<WireBuffers>) -> OpaquePointer? {
        guard let bio = BIO_new(method.raw) else { return nil }
        BIO_set_data(bio, buffers)
        BIO_set_init(bio, 1)
        return bio
    }

    /// Made once, before the first connection, and only read after: that is why it may be shared.
    private struct Method: @unchecked Sendable { let raw: OpaquePointer? }

    /// Implements: BIO_METHOD *BIO_meth_new(int type, const char *name);
    private static let method: Method = {
        let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "caller's buffers")
        BIO_meth_set_read_ex(method, readFromWire)
        BIO_meth_set_write_ex(method, writeToWire)
        BIO_meth_set_ctrl(method, controlWire)
        return Method(raw: method)
    }()
}

private func wireBuffers(of bio: OpaquePointer?) -> UnsafeMutablePointer<WireBuffers>? {
    BIO_get_data(bio)?.assumingMemoryBound(to: WireBuffers.self)
}

/// Implements: int (*bread)(BIO *, char *, size_t, size_t *);
private func readFromWire(
    bio: OpaquePointer?, bytes: UnsafeMutablePointer<CChar>?, capacity: Int, count: UnsafeMutablePointer<Int>?
) -> Int32 {
    COpenSSL_BIO_clear_retry_flags(bio)
    guard let bytes, let buffers = wireBuffers(of: bio) else { return 0 }
    let readCount = buffers.pointee.read(into: UnsafeMutableRawBufferPointer(start: bytes, count: capacity))
    count?.pointee = readCount
    guard readCount == 0 else { return 1 }
    COpenSSL_BIO_set_retry_read(bio)
    return 0
}

/// Implements: int (*bwrite)(BIO *, const char *, size_t, size_t *);
private func writeToWire(
    bio: OpaquePointer?, bytes: UnsafePointer<CChar>?, byteCount: Int, count: UnsafeMutablePointer<Int>?
) -> Int32 {
    COpenSSL_BIO_clear_retry_flags(bio)
    guard let bytes, let buffers = wireBuffers(of: bio) else { return 0 }
    buffers.pointee.write(UnsafeRawBufferPointer(start: bytes, count: byteCount))
    count?.pointee = byteCount
    return 1
}

/// Implements: long (*ctrl)(BIO *, int, long, void *);
private func controlWire(bio: OpaquePointer?, command: Int32, number: Int, argument: UnsafeMutableRawPointer?) -> Int {
    command == BIO_CTRL_FLUSH ? 1 : 0
}
