import NIOCore

/// Every bound of a connection, in one place.
public enum TransportLimits {
    /// Largest piece of ciphertext read from the socket at once, bytes.
    static let socketReadByteCountMax = 256 * 1024
    /// Plaintext encrypted at once, bytes: whole records. With 15 records the transport is a quarter slower, as they fall out
    /// of the processor's cache before the kernel has copied them; with 4 a tenth, for the system calls.
    static let encryptedPieceByteCountMax = 7 * 16 * 1024
    /// A buffer for the ciphertext of such a piece, bytes.
    static let encryptedBufferByteCount = 128 * 1024
    /// Memory for received plaintext that nobody has read yet, bytes. Reading from the socket stops above it, by at most
    /// one socket read. When the peer has ended, what the kernel still holds (`tcp_rmem`) is read at once on top.
    static let receivedByteCountMax = 1 << 20
    /// Bytes accepted by `write` and not yet taken by the kernel. One buffer may be larger than that; then it is alone.
    static let queuedByteCountMax = 1 << 20
    /// What a queued buffer counts at least, so that tiny ones are bounded too, bytes.
    static let queuedBufferByteCountMin = 512
    /// How long an orderly end may wait for queued bytes to leave.
    static let closeTimeout = TimeAmount.seconds(5)
    /// How long a side that has ended keeps taking the peer's bytes. Closing a socket with unread bytes makes the kernel
    /// send a reset, and that can destroy an alert or a goodbye that the peer has not read yet.
    static let lingerTimeout = TimeAmount.seconds(2)
    /// Connections that a listener keeps, besides those of its clients, while their peers have not shown a client's
    /// certificate. A handshake takes some 50 KiB of memory, and milliseconds on a good network.
    public static let strangerCountMax = 128
}
