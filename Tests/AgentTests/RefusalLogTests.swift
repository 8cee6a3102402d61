import FerryCore
import Logging
import SecureTransport
import Synchronization
import Testing

@testable import Agent

@Suite("Lines about refused connections")
struct RefusalLogTests {
    @Test("are bounded in number, and what got none is counted")
    func bounded() {
        let lines = CountedLines()
        let log = RefusalLog(Logger(label: "test") { _ in lines })
        let start = ContinuousClock.now
        for number in 0..<1000 {
            log.note("192.0.2.1:\(number)", .crowdedOut, now: start.advanced(by: .milliseconds(number)))
        }
        #expect(lines.taken().count == RefusalLog.lineCountMax)
        log.tick(now: start.advanced(by: .seconds(9)))
        #expect(lines.taken().isEmpty)
        log.tick(now: start.advanced(by: RefusalLog.interval))
        #expect(lines.taken() == ["refused \(1000 - RefusalLog.lineCountMax) more connections in the last seconds"])
        log.note("192.0.2.1:1", .crowdedOut, now: start.advanced(by: .seconds(11)))
        #expect(lines.taken().count == 1)
    }
}

/// A log that keeps its messages.
private struct CountedLines: LogHandler {
    private final class Store: Sendable {
        let lines = Mutex<[String]>([])
    }
    private let store = Store()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { store.lines.withLock { $0.append("\(event.message)") } }

    /// What was logged since this was asked last.
    func taken() -> [String] {
        store.lines.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }
}
