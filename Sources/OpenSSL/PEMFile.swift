import COpenSSL

/// One X.509 certificate, owned. Immutable after it is read, and used by the loading thread only.
final class Certificate {
    let raw: OpaquePointer
    init(owning raw: OpaquePointer) { self.raw = raw }
    deinit { X509_free(raw) }
}

/// One private key, owned. Used by the loading thread only.
final class PrivateKey {
    let raw: OpaquePointer
    init(owning raw: OpaquePointer) { self.raw = raw }
    deinit { EVP_PKEY_free(raw) }
}

/// Reads PEM files of ours.
enum PEMFile {
    /// All certificates in a file, in their order; at least one.
    ///
    /// Implements: X509 *PEM_read_bio_X509(BIO *bp, X509 **x, pem_password_cb *cb, void *u);
    static func certificates(path: String) throws(TLSFileError) -> [Certificate] {
        let file = try LocalFile(path: path)
        return try withMemory(file.bytes) { (memory) throws(TLSFileError) in
            var certificates: [Certificate] = []
            while let raw = PEM_read_bio_X509(memory, nil, nil, nil) { certificates.append(Certificate(owning: raw)) }
            // The last read ends with "no start line"; anything else is a damaged block.
            guard LibraryErrors.take().isEndOfPEM, !certificates.isEmpty else {
                throw .notPEM(path: path, expected: "certificate")
            }
            return certificates
        }
    }

    /// All lists of revoked certificates in a file; at least one.
    ///
    /// Implements: X509_CRL *PEM_read_bio_X509_CRL(BIO *bp, X509_CRL **x, pem_password_cb *cb, void *u);
    static func revocationLists(path: String) throws(TLSFileError) -> [RevocationList] {
        let file = try LocalFile(path: path)
        return try withMemory(file.bytes) { (memory) throws(TLSFileError) in
            var lists: [RevocationList] = []
            while let raw = PEM_read_bio_X509_CRL(memory, nil, nil, nil) { lists.append(RevocationList(owning: raw)) }
            guard LibraryErrors.take().isEndOfPEM, !lists.isEmpty else {
                throw .notPEM(path: path, expected: TLSFileError.list)
            }
            return lists
        }
    }

    /// The private key in a file that only we can read.
    ///
    /// Implements: EVP_PKEY *PEM_read_bio_PrivateKey(BIO *bp, EVP_PKEY **x, pem_password_cb *cb, void *u);
    static func privateKey(path: String) throws(TLSFileError) -> PrivateKey {
        var bytes = try LocalFile(path: path).privateBytes(path: path)
        defer { bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        // OpenSSL would ask for a pass phrase on the terminal.
        let isEncrypted = bytes.contains("ENCRYPTED".utf8)
        guard !isEncrypted else { throw .keyEncrypted(path: path) }
        return try withMemory(bytes) { (memory) throws(TLSFileError) in
            guard let raw = PEM_read_bio_PrivateKey(memory, nil, nil, nil) else {
                throw .notPEM(path: path, expected: "private key")
            }
            return PrivateKey(owning: raw)
        }
    }

    /// Implements: BIO *BIO_new_mem_buf(const void *buf, int len);
    private static func withMemory<Result>(
        _ bytes: [UInt8], _ body: (OpaquePointer) throws(TLSFileError) -> Result
    ) throws(TLSFileError) -> Result {
        try bytes.span.withUnsafeBufferPointer { (buffer) throws(TLSFileError) in
            LibraryErrors.clear()
            defer { LibraryErrors.clear() }
            guard let memory = BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count)) else {
                throw .library(call: "BIO_new_mem_buf", reason: LibraryErrors.take().text)
            }
            defer { BIO_free(memory) }
            return try body(memory)
        }
    }
}

extension LocalFile {
    /// The bytes, if nobody else can read them.
    fileprivate func privateBytes(path: String) throws(TLSFileError) -> [UInt8] {
        try requirePrivate(path: path)
        return bytes
    }
}
