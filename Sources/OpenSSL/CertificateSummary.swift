import COpenSSL

#if canImport(Glibc)
import Glibc
#endif

/// What a certificate says about itself, for comparing and for messages. It proves nothing by itself.
public struct CertificateSummary: Sendable, Hashable, CustomStringConvertible {
    /// Names in the subject alternative name extension, DNS and URI entries, in their order. Names with anything but
    /// printable ASCII are left out: they can only be meant to deceive.
    public let names: [String]
    /// The issuer's distinguished name, on one line.
    public let issuer: String
    /// First second of validity, counted from 1970.
    public let notBefore: Int64
    /// Last second of validity, counted from 1970.
    public let notAfter: Int64

    /// A summary from its parts.
    public init(names: [String], issuer: String, notBefore: Int64, notAfter: Int64) {
        self.names = names
        self.issuer = issuer
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// The names in quotes, for messages.
    public var description: String {
        names.isEmpty ? "no name" : names.map { "'\($0)'" }.joined(separator: ", ")
    }
}

extension CertificateSummary {
    /// How long before its end a certificate is worth a warning, in seconds: 14 days.
    public static let expiryWarningSeconds: Int64 = 14 * 86_400

    /// The certificates in a PEM file, in their order (ours comes before its chain); at least one. They are not checked.
    public static func read(file: String) throws(TLSFileError) -> [CertificateSummary] {
        try PEMFile.certificates(path: file).map { CertificateSummary(of: $0.raw) }
    }

    /// The last second of validity as `2026-03-01 12:00:00 UTC`.
    public var notAfterText: String { utcText(notAfter) }
}

extension CertificateSummary {
    /// Names taken from one certificate. What a peer sends is not yet trusted when it is read.
    private static let nameCountMax = 64
    private static let nameByteCountMax: Int32 = 1024

    /// Reads a certificate (`X509 *`), which the caller keeps.
    ///
    /// Implements: const ASN1_TIME *X509_get0_notBefore(const X509 *x);
    /// const ASN1_TIME *X509_get0_notAfter(const X509 *x);
    init(of certificate: OpaquePointer) {
        names = Self.names(of: certificate)
        issuer = Self.issuer(of: certificate)
        notBefore = Self.seconds(X509_get0_notBefore(certificate))
        notAfter = Self.seconds(X509_get0_notAfter(certificate))
    }

    /// Implements: void *X509_get_ext_d2i(const X509 *x, int nid, int *crit, int *idx);
    private static func names(of certificate: OpaquePointer) -> [String] {
        guard let entries = COpenSSL_X509_alternative_names(certificate) else { return [] }
        defer { GENERAL_NAMES_free(entries) }
        let count = min(Int(COpenSSL_sk_GENERAL_NAME_num(entries)), nameCountMax)
        return (0..<max(count, 0)).compactMap { index in
            var byteCount: Int32 = 0
            guard let bytes = COpenSSL_alternative_name(entries, Int32(index), &byteCount),
                (1...nameByteCountMax).contains(byteCount)
            else { return nil }
            let name = UnsafeBufferPointer(start: bytes, count: Int(byteCount))
            guard name.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
            return String(decoding: name, as: UTF8.self)
        }
    }

    /// Implements: char *X509_NAME_oneline(const X509_NAME *a, char *buf, int size);
    private static func issuer(of certificate: OpaquePointer) -> String {
        // The call writes a terminating zero and escapes what is not printable.
        var line = [CChar](repeating: 0, count: 256)
        guard let name = X509_get_issuer_name(certificate),
            X509_NAME_oneline(name, &line, Int32(line.count)) != nil
        else { return "unnamed issuer" }
        return String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Seconds since 1970; 0 for what is no time.
    ///
    /// Implements: int ASN1_TIME_to_tm(const ASN1_TIME *s, struct tm *tm);
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
        return Int64(timegm(&parts))
    }
}

/// Seconds since 1970 as `2026-03-01 12:00:00 UTC`, as all messages write them.
public func utcText(_ secondsSince1970: Int64) -> String {
    var seconds = time_t(secondsSince1970)
    var parts = tm()
    guard gmtime_r(&seconds, &parts) != nil else { return "\(secondsSince1970) s since 1970" }
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let day = "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return "\(day) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) UTC"
}
