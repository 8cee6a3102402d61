import Foundation
import Logging
import Synchronization
import Testing

@testable import AgentLogging

@Suite struct AgentLogTests {
    /// Text that would end a line, steer a terminal or end a text.
    private static let hostile = "a\nb\u{1B}[31m\r\u{0}\u{2028}\u{202E}\u{7F}\u{85}\"\\ü😀"

    private func lines(_ format: LogFormat, verbose: Bool = false, _ body: (inout Logger) -> Void) -> [String] {
        let written = Written()
        var logger = AgentLog.make(format: format, verbose: verbose, write: written.append)
        body(&logger)
        return written.lines
    }

    @Test("For people: time, level, message, details by key")
    func human() throws {
        let line = try #require(
            lines(.human) { logger in
                logger[metadataKey: "peer"] = "b"
                logger.warning("late", metadata: ["image": "vm-1", "peer": "c"])
            }.first)
        let time = try #require(line.prefixMatch(of: #/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z /#))
        #expect(line[time.range.upperBound...] == "warning late image=\"vm-1\" peer=\"c\"")
    }

    @Test("For the journal: a priority and no time")
    func journal() {
        let lines = lines(.journal, verbose: true) { logger in
            logger.logLevel = .trace
            for level in Logger.Level.allCases { logger.log(level: level, "x", metadata: ["k": "v"]) }
        }
        #expect(
            lines == [
                "<7>x k=\"v\"", "<7>x k=\"v\"", "<6>x k=\"v\"", "<5>x k=\"v\"", "<4>x k=\"v\"", "<3>x k=\"v\"",
                "<2>x k=\"v\"",
            ])
    }

    @Test("As JSON: an object a line that gives every text back as it was")
    func json() throws {
        let line = try #require(
            lines(.json) { logger in
                logger[metadataKey: "time"] = "noon"
                logger.error("\(Self.hostile)", metadata: ["\(Self.hostile)": "\(Self.hostile)"])
            }.first)
        #expect(line.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        let object = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
        #expect(object["level"] == "error")
        #expect(object["message"] == Self.hostile)
        #expect(object["detail_time"] == "noon")
        #expect(object[Self.hostile] == Self.hostile)
        let time = try #require(object["time"])
        #expect(time.wholeMatch(of: /[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z/) != nil, "\(time)")
    }

    @Test("What a peer says stays on its line", arguments: LogFormat.allCases)
    func oneLine(format: LogFormat) {
        let lines = lines(format) { $0.info("\(Self.hostile)", metadata: ["\(Self.hostile)": "\(Self.hostile)"]) }
        #expect(lines.count == 1)
        #expect(lines.allSatisfy { line in !line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x85 } })
    }

    @Test("An event's error is one of its details", arguments: LogFormat.allCases)
    func error(format: LogFormat) throws {
        let line = try #require(lines(format) { $0.error("failed", error: CancellationError()) }.first)
        #expect(line.contains("CancellationError"))
    }

    @Test("Debug messages are written when asked for")
    func verbosity() {
        #expect(lines(.journal) { $0.debug("x") }.isEmpty)
        #expect(lines(.journal, verbose: true) { $0.debug("x") } == ["<7>x"])
    }

    @Test("Without a journal behind it, the log is for people")
    func suitingFormat() {
        #expect(LogFormat.suiting(environment: [:]) == .human)
        #expect(LogFormat.suiting(environment: ["JOURNAL_STREAM": "1:2"]) == .human)
    }
}

/// Lines in the order they were written.
private final class Written: Sendable {
    private let state = Mutex<[String]>([])

    var lines: [String] { state.withLock { $0 } }

    @Sendable func append(_ line: String) { state.withLock { $0.append(line) } }
}
