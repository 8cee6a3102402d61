import Glibc

/// Standard error, where a reader that went away is nothing that could be told anybody.
public enum StandardError {
    /// Writes a line, with one call if the system takes it, so that lines of several threads stay whole.
    ///
    /// Implements: ssize_t write(int fd, const void *buf, size_t count);
    @Sendable public static func write(_ line: String) {
        var rest = Array("\(line)\n".utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            rest = rest.dropFirst(max(count, 0))
        }
    }
}
