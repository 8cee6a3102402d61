import Glibc

/// Whether our output goes to the journal. Source: systemd.exec(5), $JOURNAL_STREAM.
public enum JournalStream {
    /// Whether what is written to standard error goes to the journal directly. The variable alone does not tell: a
    /// shell in between may have sent the output elsewhere.
    public static func isBehindStandardError(environment: [String: String]) -> Bool {
        isBehind(STDERR_FILENO, environment: environment)
    }

    /// Implements: int fstat(int fd, struct stat *statbuf);
    static func isBehind(_ descriptor: Int32, environment: [String: String]) -> Bool {
        guard let stream = environment["JOURNAL_STREAM"] else { return false }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }
}
