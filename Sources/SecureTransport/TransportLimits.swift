import NIOCore

/// Every bound of a connection, in one place.
enum TransportLimits {
    /// Largest piece of ciphertext read from the socket at once, bytes.
    static let socketReadByteCountMax = 256 * 1024
    /// Reads from the socket, as long as each is full, before whoever waits for the bytes is told.
    static let socketReadCountMax: UInt = 2
    /// Plaintext encrypted into one buffer: whole records whose ciphertext stays just under 256 KiB, bytes.
    static let encryptedPieceByteCountMax = 15 * 16 * 1024
    /// Memory for received plaintext that nobody has read yet, bytes. Reading from the socket stops above it, by at most
    /// `socketReadCountMax` reads. When the peer has ended, what the kernel still holds (`tcp_rmem`) is read at once on top.
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
}
