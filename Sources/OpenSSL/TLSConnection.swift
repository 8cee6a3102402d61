import COpenSSL

/// One TLS connection without a socket: ciphertext in, plaintext out, and the other way round. Nothing in it waits.
///
/// Order of use: `handshake` with what the peer sent (a client begins with nothing) until it is complete, then `read` and
/// `write` in any order, then `sendCloseNotify`. After each call, whatever the connection wants to send is taken with
/// `takeOutput`; `write` puts it into the caller's buffer at once. After an error is thrown the connection may still have
/// output, the alert that tells the peer; nothing else can be done with it.
///
/// Thread rule: not `Sendable`. An `SSL` may be used by one thread at a time; a connection stays with the event loop or
/// task that made it.
public final class TLSConnection {
    /// How far a call got.
    public struct Progress: Sendable, Hashable {
        /// Ciphertext that was used up, bytes. What is left is passed in again with the next call.
        public let consumedByteCount: Int
        /// What comes next.
        public let state: State
    }

    /// What comes next after a call.
    public enum State: Sendable, Hashable {
        /// All ciphertext is used up; more is needed.
        case wantsInput
        /// The plaintext buffer is full; call again with another.
        case outputFull
        /// The handshake is complete.
        case handshakeComplete
        /// The peer has said that it sends no more (close_notify).
        case peerClosed
    }

    /// The name that the peer's certificate must hold; nil on the server's side.
    public let expectedName: String?
    /// Whether both sides may send. A client can't know yet whether the server accepts its certificate.
    public private(set) var isHandshakeComplete = false
    /// Whether the peer has said that it sends no more.
    public private(set) var isPeerClosed = false
    /// What went wrong with the peer's certificate, noted while it was checked.
    var peerFailure: PeerCertificateFailure?

    private let context: TLSContext
    private let ssl: OpaquePointer
    private let wire: UnsafeMutablePointer<WireBuffers>
    private var laterFailure: TLSError?
    private var recordsUntilKeyUpdate = TLSConnection.recordCountPerKey

    /// A server's side, which accepts any certificate of the authority. Who may do what is decided by `peerIdentities`.
    public convenience init(server context: TLSContext) throws(TLSError) {
        precondition(context.role == .server, "a server's connection needs a server's context")
        try self.init(context: context, expectedName: nil)
    }

    /// A client's side. `serverName` must be one of the DNS names in the peer's certificate.
    public convenience init(client context: TLSContext, serverName: String) throws(TLSError) {
        precondition(context.role == .client, "a client's connection needs a client's context")
        guard ServerName.isUsable(serverName) else { throw .unusableServerName(serverName) }
        try self.init(context: context, expectedName: serverName)
    }

    private init(context: TLSContext, expectedName: String?) throws(TLSError) {
        ssl = try context.makeHandle()
        self.context = context
        self.expectedName = expectedName
        wire = .allocate(capacity: 1)
        wire.initialize(to: WireBuffers())
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        try connectToWire()
        if let expectedName {
            SSL_set_connect_state(ssl)
            try ServerName.require(expectedName, of: ssl)
        } else {
            SSL_set_accept_state(ssl)
        }
    }

    /// Implements: void SSL_free(SSL *ssl);
    deinit {
        SSL_free(ssl)
        wire.deinitialize(count: 1)
        wire.deallocate()
    }

    /// Implements: void SSL_set_bio(SSL *ssl, BIO *rbio, BIO *wbio);
    private func connectToWire() throws(TLSError) {
        LibraryErrors.clear()
        guard let bio = WireBuffers.makeBIO(wire) else {
            throw .library(call: "BIO_new", reason: LibraryErrors.take().text)
        }
        SSL_set_bio(ssl, bio, bio)
    }
}

extension TLSConnection {
    /// Takes the handshake as far as `ciphertext` allows.
    ///
    /// - Throws: `TLSError`: what is wrong with the peer, its certificate, or what it thinks of ours.
    ///
    /// Implements: int SSL_do_handshake(SSL *ssl);
    public func handshake(_ ciphertext: RawSpan) throws(TLSError) -> Progress {
        try ciphertext.withUnsafeBytes { (input) throws(TLSError) in
            wire.pointee.lend(input: input)
            defer { wire.pointee.takeBack() }
            LibraryErrors.clear()
            let outcome = SSL_do_handshake(ssl)
            if outcome == 1 {
                isHandshakeComplete = true
                return progress(of: input, .handshakeComplete)
            }
            return progress(of: input, try stop(outcome, call: "SSL_do_handshake"))
        }
    }

    /// Decrypts `ciphertext` into `plaintext` until one of them is used up.
    ///
    /// Plaintext that came before an error is returned first; the error is thrown by the next call.
    ///
    /// Implements: int SSL_read_ex(SSL *ssl, void *buf, size_t num, size_t *readbytes);
    public func read(_ ciphertext: RawSpan, into plaintext: inout OutputRawSpan) throws(TLSError) -> Progress {
        if let laterFailure { throw laterFailure }
        return try plaintext.withUnsafeMutableBytes { (output, outputByteCount) throws(TLSError) in
            try ciphertext.withUnsafeBytes { (input) throws(TLSError) in
                wire.pointee.lend(input: input)
                defer { wire.pointee.takeBack() }
                let state = try fill(output, &outputByteCount)
                return progress(of: input, state)
            }
        }
    }

    private func fill(_ output: UnsafeMutableRawBufferPointer, _ byteCount: inout Int) throws(TLSError) -> State {
        let start = byteCount
        while byteCount < output.count {
            var readByteCount = 0
            LibraryErrors.clear()
            let outcome = SSL_read_ex(
                ssl, output.baseAddress?.advanced(by: byteCount), output.count - byteCount, &readByteCount)
            byteCount += readByteCount
            guard outcome != 1 else { continue }
            do throws(TLSError) {
                return try stop(outcome, call: "SSL_read_ex")
            } catch {
                guard byteCount > start else { throw error }
                laterFailure = error
                return .outputFull
            }
        }
        return .outputFull
    }

    private func progress(of input: UnsafeRawBufferPointer, _ state: State) -> Progress {
        Progress(consumedByteCount: input.count - wire.pointee.inputByteCount, state: state)
    }

    /// What a call that did not succeed means.
    ///
    /// Implements: int SSL_get_error(const SSL *ssl, int ret);
    private func stop(_ outcome: Int32, call: String) throws(TLSError) -> State {
        switch SSL_get_error(ssl, outcome) {
        case SSL_ERROR_WANT_READ:
            return .wantsInput
        case SSL_ERROR_ZERO_RETURN:
            isPeerClosed = true
            return .peerClosed
        default:
            throw TLSError(
                LibraryErrors.take(), call: call, peer: peerFailure, expectedName: expectedName,
                isHandshakeComplete: isHandshakeComplete)
        }
    }

    /// To be called when the peer's bytes end: throws unless the peer said that it would send no more.
    public func inputEnded() throws(TLSError) {
        if let laterFailure { throw laterFailure }
        guard isPeerClosed else { throw .cut(duringHandshake: !isHandshakeComplete) }
    }
}

extension TLSConnection {
    /// Plaintext in one TLS record, bytes.
    public static let recordByteCountMax = 16 * 1024
    /// What a record adds to its plaintext, bytes: header, content type, tag.
    private static let recordOverheadByteCount = 5 + 1 + 16
    /// Records encrypted with one key. AES-GCM must not go much above 2^24 (RFC 8446, 5.5); libssl leaves the change of
    /// keys to us. At full records this is every 64 GiB.
    static let recordCountPerKey = 1 << 22

    /// Key changes that `write` may send first, ours and the answer to the peer's, bytes.
    private static let keyUpdateByteCountMax = 64

    /// Ciphertext that `write` makes of so much plaintext, at most, bytes. `pendingOutputByteCount` comes on top.
    public static func ciphertextByteCountMax(plaintextByteCount: Int) -> Int {
        let recordCount = (plaintextByteCount + recordByteCountMax - 1) / recordByteCountMax
        return plaintextByteCount + recordCount * recordOverheadByteCount + keyUpdateByteCountMax
    }

    /// Encrypts all of `plaintext`. The ciphertext goes into `ciphertext`, behind what waited to be sent; what does not
    /// fit waits for `takeOutput` or the next `write`. Only after the handshake is complete.
    ///
    /// Implements: int SSL_write_ex(SSL *ssl, const void *buf, size_t num, size_t *written);
    public func write(_ plaintext: RawSpan, into ciphertext: inout OutputRawSpan) throws(TLSError) {
        precondition(isHandshakeComplete, "nothing can be written before the handshake is complete")
        guard plaintext.byteCount > 0 else { return takeOutput(into: &ciphertext) }
        try updateKeyIfDue(recordCount: plaintext.byteCount / Self.recordByteCountMax + 1)
        try withOutput(&ciphertext) { () throws(TLSError) in
            try plaintext.withUnsafeBytes { (bytes) throws(TLSError) in
                var writtenByteCount = 0
                LibraryErrors.clear()
                let outcome = SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &writtenByteCount)
                guard outcome == 1 else {
                    _ = try stop(outcome, call: "SSL_write_ex")
                    throw .library(call: "SSL_write_ex", reason: "wants to read first")
                }
            }
        }
    }

    /// Implements: int SSL_key_update(SSL *s, int updatetype);
    private func updateKeyIfDue(recordCount: Int) throws(TLSError) {
        recordsUntilKeyUpdate -= recordCount
        guard recordsUntilKeyUpdate <= 0 else { return }
        recordsUntilKeyUpdate = Self.recordCountPerKey
        try updateKey()
    }

    /// Changes the key for what we send, with the next write.
    func updateKey() throws(TLSError) {
        LibraryErrors.clear()
        guard SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 else {
            throw .library(call: "SSL_key_update", reason: LibraryErrors.take().text)
        }
    }

    /// Ciphertext that waits to be sent, bytes.
    public var pendingOutputByteCount: Int { wire.pointee.overflow.count }

    /// Moves as much waiting ciphertext into `ciphertext` as fits.
    public func takeOutput(into ciphertext: inout OutputRawSpan) {
        withOutput(&ciphertext) {}
    }

    private func withOutput<Failure: Error>(
        _ ciphertext: inout OutputRawSpan, _ body: () throws(Failure) -> Void
    ) throws(Failure) {
        try ciphertext.withUnsafeMutableBytes { (output, byteCount) throws(Failure) in
            wire.pointee.lend(output: UnsafeMutableRawBufferPointer(rebasing: output[byteCount...]))
            defer {
                byteCount += wire.pointee.outputByteCount
                wire.pointee.takeBack()
            }
            try body()
        }
    }

    /// Says that we send no more. The peer may go on sending.
    ///
    /// Implements: int SSL_shutdown(SSL *ssl);
    public func sendCloseNotify() {
        guard isHandshakeComplete else { return }
        LibraryErrors.clear()
        _ = SSL_shutdown(ssl)
        // Nothing to do if the connection has failed before: then the peer got an alert.
        LibraryErrors.clear()
    }

    /// The DNS and URI names in the peer's certificate, which the authority vouches for. Empty before the handshake is
    /// complete.
    public var peerIdentities: [String] { peerCertificate?.names ?? [] }

    /// The peer's certificate, checked; nil before the handshake is complete.
    ///
    /// Implements: X509 *SSL_get0_peer_certificate(const SSL *s);
    public var peerCertificate: CertificateSummary? {
        guard isHandshakeComplete, let certificate = SSL_get0_peer_certificate(ssl) else { return nil }
        return CertificateSummary(of: certificate)
    }

    /// Checks the peer's certificate by another context of the same role, made of files that have changed: what was good
    /// in the handshake may be revoked, or of an authority that is not ours any more. Only after the handshake.
    ///
    /// - Throws: `TLSError`: why the peer would not be let in now.
    ///
    /// Implements: STACK_OF(X509) *SSL_get_peer_cert_chain(const SSL *ssl);
    public func checkPeer(by context: TLSContext) throws(TLSError) {
        guard isHandshakeComplete, let certificate = SSL_get0_peer_certificate(ssl) else { return }
        try context.check(peer: certificate, chain: SSL_get_peer_cert_chain(ssl))
    }
}
