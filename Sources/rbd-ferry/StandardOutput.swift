import FerryCore
import Foundation

/// Text on standard output, where a reader that went away is an error: what holds a store must hear of it.
enum StandardOutput {
    /// Writes `text`, in the C library's buffer at first.
    ///
    /// Implements: int fputs(const char *s, FILE *stream);
    static func write(_ text: String) throws {
        guard fputs(text, stdout) >= 0 else { throw OutputError(number: errno) }
    }

    /// Hands on what is in the buffer.
    ///
    /// Implements: int fflush(FILE *stream);
    static func flush() throws {
        guard fflush(stdout) == 0 else { throw OutputError(number: errno) }
    }
}

/// Standard output took no more.
struct OutputError: Failure {
    let number: Int32

    var disposition: Disposition { .temporary }
    var cause: String { "can't write to standard output: \(String(cString: strerror(number)))" }
    var remedy: String { "see why the program that reads it ended" }
}
