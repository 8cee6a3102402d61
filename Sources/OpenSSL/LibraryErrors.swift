import COpenSSL

/// What OpenSSL had to say about the call before: this thread's error queue, emptied.
///
/// The queue belongs to the thread, so it is read in the same synchronous function as the call that failed, and
/// cleared before every call, as SSL_get_error(3) asks.
struct LibraryErrors {
    /// The oldest entry first; it is the nearest to what went wrong.
    private let codes: [UInt]

    /// Implements: unsigned long ERR_get_error(void);
    static func take() -> LibraryErrors {
        var codes: [UInt] = []
        while codes.count < 32, case let code = ERR_get_error(), code != 0 { codes.append(code) }
        ERR_clear_error()
        return LibraryErrors(codes: codes)
    }

    /// Forgets what earlier calls left.
    ///
    /// Implements: void ERR_clear_error(void);
    static func clear() { ERR_clear_error() }

    /// The reasons given by libssl itself (`SSL_R_...`).
    var reasonsOfSSL: [Int32] {
        codes.filter { ERR_GET_LIB($0) == ERR_LIB_SSL }.map { ERR_GET_REASON($0) }
    }

    /// Whether all there is to say is that no (further) PEM block was found.
    var isEndOfPEM: Bool {
        codes.allSatisfy { ERR_GET_LIB($0) == ERR_LIB_PEM && ERR_GET_REASON($0) == PEM_R_NO_START_LINE }
    }

    /// The oldest entry in OpenSSL's words.
    ///
    /// Implements: const char *ERR_reason_error_string(unsigned long e);
    var text: String {
        guard let code = codes.first else { return "no reason given" }
        guard let reason = ERR_reason_error_string(code) else { return "OpenSSL error \(code)" }
        return String(cString: reason)
    }
}
