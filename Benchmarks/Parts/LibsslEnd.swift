import COpenSSL
import Foundation
import TestCertificates

/// One end of a TLS connection as a simple program makes it: an `SSL` on a blocking socket.
///
/// Thread rule (why `@unchecked Sendable` holds): used by one thread at a time; the calls follow each other by `await`.
final class LibsslEnd: @unchecked Sendable {
    enum Role { case client, server }

    private let role: Role
    private let socket: LoopbackSocket
    private let context: OpaquePointer
    private let ssl: OpaquePointer

    /// An end that trusts and shows the certificates of `certificates`. `readAheadByteCount`: bytes that libssl reads from
    /// the socket at once; 0: a record's head, then its body.
    ///
    /// Implements: SSL_CTX *SSL_CTX_new(const SSL_METHOD *meth); SSL *SSL_new(SSL_CTX *ctx); int SSL_set_fd(SSL *ssl, int
    /// fd); void SSL_set_read_ahead(SSL *s, int yes); void SSL_set_default_read_buffer_len(SSL *s, size_t len);
    init(
        _ role: Role, on socket: LoopbackSocket, _ certificates: CertificateFolder, cipherSuites: String?,
        readAheadByteCount: Int
    ) throws {
        guard let context = SSL_CTX_new(role == .client ? TLS_client_method() : TLS_server_method()) else {
            throw MeasurementError("SSL_CTX_new failed")
        }
        guard let ssl = try Self.connection(context, role, certificates, cipherSuites) else {
            SSL_CTX_free(context)
            throw MeasurementError("SSL_new failed")
        }
        (self.role, self.socket, self.context, self.ssl) = (role, socket, context, ssl)
        guard SSL_set_fd(ssl, socket.descriptor) == 1 else { throw MeasurementError("SSL_set_fd failed") }
        if readAheadByteCount > 0 {
            SSL_set_read_ahead(ssl, 1)
            SSL_set_default_read_buffer_len(ssl, readAheadByteCount)
        }
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    /// Implements: int SSL_CTX_load_verify_file(SSL_CTX *ctx, const char *CAfile); int SSL_CTX_use_certificate_chain_file(
    /// SSL_CTX *ctx, const char *file); int SSL_CTX_use_PrivateKey_file(SSL_CTX *ctx, const char *file, int type); int
    /// SSL_CTX_set_ciphersuites(SSL_CTX *ctx, const char *str);
    private static func connection(
        _ context: OpaquePointer, _ role: Role, _ certificates: CertificateFolder, _ cipherSuites: String?
    ) throws -> OpaquePointer? {
        let name = role == .client ? "sender" : "receiver"
        guard COpenSSL_SSL_CTX_allow_only_tls13(context) == 1,
            SSL_CTX_load_verify_file(context, certificates.file("ca.pem")) == 1,
            SSL_CTX_use_certificate_chain_file(context, certificates.file("\(name).pem")) == 1,
            SSL_CTX_use_PrivateKey_file(context, certificates.file("\(name).key"), SSL_FILETYPE_PEM) == 1,
            cipherSuites.map({ SSL_CTX_set_ciphersuites(context, $0) }) ?? 1 == 1
        else {
            throw MeasurementError("libssl does not take the certificates or the cipher suites")
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        return SSL_new(context)
    }

    /// Implements: int SSL_connect(SSL *ssl); int SSL_accept(SSL *ssl);
    func handshake() throws {
        guard (role == .client ? SSL_connect(ssl) : SSL_accept(ssl)) == 1 else {
            throw MeasurementError("the handshake failed")
        }
    }

    /// Implements: int SSL_write_ex(SSL *s, const void *buf, size_t num, size_t *written);
    func write(byteCount: Int, atOnce byteCountMax: Int) throws {
        let buffer = [UInt8](repeating: 0xA5, count: byteCountMax)
        var restByteCount = byteCount
        while restByteCount > 0 {
            var writtenByteCount = 0
            guard SSL_write_ex(ssl, buffer, min(restByteCount, buffer.count), &writtenByteCount) == 1 else {
                throw MeasurementError("SSL_write_ex failed")
            }
            restByteCount -= writtenByteCount
        }
    }

    /// Implements: int SSL_read_ex(SSL *ssl, void *buf, size_t num, size_t *readbytes);
    func discard(byteCount: Int, atOnce byteCountMax: Int) throws {
        var buffer = [UInt8](repeating: 0, count: byteCountMax)
        var restByteCount = byteCount
        while restByteCount > 0 {
            var readByteCount = 0
            guard SSL_read_ex(ssl, &buffer, buffer.count, &readByteCount) == 1 else {
                throw MeasurementError("SSL_read_ex failed")
            }
            restByteCount -= readByteCount
        }
    }
}
