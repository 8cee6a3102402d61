import COpenSSL

/// SHA-256 over bytes that are all at hand.
public enum SHA256Digest {
    /// Length of a digest in bytes.
    public static let byteCount = 32

    /// The digest of `bytes`, 32 bytes.
    public static func digest(_ bytes: Span<UInt8>) -> [UInt8] {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finish()
    }
}

/// SHA-256 over bytes that arrive in pieces.
///
/// Thread rule (why `@unchecked Sendable` holds): it has one owner, and OpenSSL's digest contexts may move between
/// threads.
public struct SHA256Hasher: ~Copyable, @unchecked Sendable {
    private let context: OpaquePointer

    /// A hasher that has seen nothing. Traps when memory is out or the library offers no SHA-256: no input decides that.
    ///
    /// Implements: EVP_MD_CTX *EVP_MD_CTX_new(void);
    /// int EVP_DigestInit_ex(EVP_MD_CTX *ctx, const EVP_MD *type, ENGINE *impl);
    public init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("OpenSSL offers no SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes in the next bytes.
    ///
    /// Implements: int EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *d, size_t cnt);
    public mutating func update(_ bytes: Span<UInt8>) {
        let outcome = bytes.withUnsafeBufferPointer { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        precondition(outcome == 1, "SHA-256 takes any bytes")
    }

    /// The digest of all bytes taken in, 32 bytes.
    ///
    /// Implements: int EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *md, unsigned int *s);
    public consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
        let outcome = digest.withUnsafeMutableBufferPointer { EVP_DigestFinal_ex(context, $0.baseAddress, nil) }
        precondition(outcome == 1, "SHA-256 can be finished once")
        return digest
    }
}
