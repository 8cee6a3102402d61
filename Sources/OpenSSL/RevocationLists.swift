import COpenSSL

#if canImport(Glibc)
import Glibc
#endif

/// Certificates that an authority has taken back, as it lists them in a PEM file (a CRL): one list for each authority.
///
/// Immutable after it is read, and used by the loading thread only.
public final class RevocationLists {
    /// Last second of validity of the list that ends first, counted from 1970; nil when they hold for ever.
    public let notAfter: Int64?
    private let path: String
    private let lists: [RevocationList]

    /// Reads a file; at least one list. Throws `.listExpired` for one that has ended: it may lack the newest entries.
    /// Nothing else is checked here: who signed it shows when a certificate is checked.
    public init(file path: String) throws(TLSFileError) {
        self.path = path
        lists = try PEMFile.revocationLists(path: path)
        notAfter = lists.compactMap(\.notAfter).min()
        if let notAfter, notAfter < Int64(time(nil)) { throw .listExpired(path: path, notAfter: notAfter) }
    }

    /// Makes `store` ask these lists about every peer's own certificate: one whose issuer has no list here is refused.
    /// Certificates between a peer's and the authority are the authority's own affair.
    ///
    /// Implements: int X509_STORE_add_crl(X509_STORE *xs, X509_CRL *x);
    /// int X509_STORE_set_flags(X509_STORE *xs, unsigned long flags);
    func install(in store: OpaquePointer) throws(TLSFileError) {
        LibraryErrors.clear()
        for list in lists where X509_STORE_add_crl(store, list.raw) != 1 {
            throw .notAccepted(path: path, reason: LibraryErrors.take().text)
        }
        guard X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK)) == 1 else {
            throw .library(call: "X509_STORE_set_flags", reason: LibraryErrors.take().text)
        }
    }

    /// What is wrong with the lists, when a check of a certificate of ours ended with `code`; nil when they are not to
    /// blame. `certificate` is its file, `issuer` the name of who issued it.
    func failure(code: Int32, certificate: String, issuer: String) -> TLSFileError? {
        switch code {
        case X509_V_ERR_CERT_REVOKED: .revoked(certificate: certificate, list: path)
        case X509_V_ERR_UNABLE_TO_GET_CRL: .noListOfIssuer(path: path, issuer: issuer)
        case X509_V_ERR_CRL_HAS_EXPIRED: .listExpired(path: path, notAfter: notAfter ?? 0)
        case X509_V_ERR_CRL_SIGNATURE_FAILURE, X509_V_ERR_CRL_NOT_YET_VALID, X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
            X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
            X509_V_ERR_DIFFERENT_CRL_SCOPE, X509_V_ERR_CRL_PATH_VALIDATION_ERROR,
            X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD, X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD,
            X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
            .listNotAccepted(path: path, reason: verificationText(code))
        default: nil
        }
    }
}

/// One list of an authority's (`X509_CRL`), owned.
final class RevocationList {
    let raw: OpaquePointer

    init(owning raw: OpaquePointer) { self.raw = raw }

    /// Implements: void X509_CRL_free(X509_CRL *a);
    deinit { X509_CRL_free(raw) }

    /// Last second of validity, counted from 1970; nil when the list does not say when the next one comes.
    ///
    /// Implements: const ASN1_TIME *X509_CRL_get0_nextUpdate(const X509_CRL *crl);
    var notAfter: Int64? { X509_CRL_get0_nextUpdate(raw).map { CertificateSummary.seconds($0) } }
}
