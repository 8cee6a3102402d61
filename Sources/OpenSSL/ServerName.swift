import COpenSSL

/// The name that a client expects in its peer's certificate.
enum ServerName {
    /// Whether a certificate can hold `name`. An empty name would switch OpenSSL's check off, one that begins with a dot
    /// would match whole domains.
    static func isUsable(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 253, first != UInt8(ascii: ".") else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: ":"):
                true
            default: false
            }
        }
    }

    /// Makes `ssl` refuse a peer whose certificate does not hold `name` as alternative name, and tell the peer which
    /// name it is asked for (SNI).
    ///
    /// Implements: int SSL_set1_host(SSL *s, const char *hostname);
    /// void SSL_set_hostflags(SSL *s, unsigned int flags);
    static func require(_ name: String, of ssl: OpaquePointer) throws(TLSError) {
        LibraryErrors.clear()
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        guard SSL_set1_host(ssl, name) == 1 else {
            throw .library(call: "SSL_set1_host", reason: LibraryErrors.take().text)
        }
        guard !isAddress(name) else { return }
        guard COpenSSL_SSL_set_tlsext_host_name(ssl, name) == 1 else {
            throw .library(call: "SSL_set_tlsext_host_name", reason: LibraryErrors.take().text)
        }
    }

    /// SNI has no place for addresses.
    ///
    /// Implements: ASN1_OCTET_STRING *a2i_IPADDRESS(const char *ipasc);
    private static func isAddress(_ name: String) -> Bool {
        guard let address = a2i_IPADDRESS(name) else { return false }
        ASN1_OCTET_STRING_free(address)
        return true
    }
}
