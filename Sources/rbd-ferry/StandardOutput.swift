import FerryCore
import Foundation
import Synchronization

/// Text on standard output, where a reader that went away is an error: what holds a store must hear of it.
enum StandardOutput {
    private static let byteCountMax = 64 << 10
    private static let buffer = Mutex<[UInt8]>([])

    /// Writes `text`; it may stay in a buffer until there is more, or until `flush`.
    static func write(_ text: String) throws {
        try buffer.withLock { buffer in
            buffer.append(contentsOf: text.utf8)
            if buffer.count >= byteCountMax { try handOn(&buffer) }
        }
    }

    /// Hands on what is in the buffer.
    static func flush() throws {
        try buffer.withLock { try handOn(&$0) }
    }

    /// Implements: ssize_t write(int fd, const void *buf, size_t count);
    private static func handOn(_ buffer: inout [UInt8]) throws {
        var rest = buffer[...]
        buffer = []
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count >= 0 || errno == EINTR else { throw OutputError(number: errno) }
            rest = rest.dropFirst(max(count, 0))
        }
    }
}

/// Standard output took no more.
struct OutputError: Failure {
    let number: Int32

    var disposition: Disposition { .temporary }
    var cause: String { "can't write to standard output: \(String(cString: strerror(number)))" }
    var remedy: String { "see why the program that reads it ended" }
}
