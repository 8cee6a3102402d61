import SecureTransport

extension TLSFiles {
    /// Reads `tls:`; nil when a fault was noted.
    init?(_ section: ConfigurationSection?) {
        guard var section else { return nil }
        let authority = section.requiredPath("authority")
        let certificate = section.requiredPath("certificate")
        let key = section.requiredPath("key")
        let revoked = section.path("revoked")
        section.finish()
        guard let authority, let certificate, let key else { return nil }
        self.init(authority: authority, certificate: certificate, key: key, revoked: revoked)
    }
}
