import FerryCore
import Foundation
import Synchronization
import Threading

/// Text on standard output, where a reader that went away is an error: what holds a store must hear of it.
final class StandardOutput: Sendable {
    private static let byteCountMax = 64 << 10

    private let threads: BlockingThreads
    private let buffer = Mutex<[UInt8]>([])
    private let waiting = Atomic(false)

    /// An output whose writes block one of `threads`.
    init(_ threads: BlockingThreads) {
        self.threads = threads
    }

    /// Whether a write waits for who reads, which may be a person with a pager.
    var isWaiting: Bool { waiting.load(ordering: .relaxed) }

    /// Writes `text`; it may stay in a buffer until there is more, or until `flush`.
    func write(_ text: String) async throws {
        let isFull = buffer.withLock { buffer in
            buffer.append(contentsOf: text.utf8)
            return buffer.count >= Self.byteCountMax
        }
        if isFull { try await flush() }
    }

    /// Hands on what is in the buffer.
    func flush() async throws {
        let bytes = buffer.withLock { buffer in
            defer { buffer = [] }
            return buffer
        }
        waiting.store(true, ordering: .relaxed)
        defer { waiting.store(false, ordering: .relaxed) }
        try await threads.run { () throws(OutputError) in try Self.handOn(bytes) }
    }

    /// Implements: ssize_t write(int fd, const void *buf, size_t count);
    private static func handOn(_ bytes: [UInt8]) throws(OutputError) {
        var rest = bytes[...]
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
