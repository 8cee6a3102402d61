import FerryCore
import Logging
import SecureTransport
import Testing

@testable import Agent

@Suite("Lines about refused connections")
struct RefusalLogTests {
    @Test("are bounded in number, and what got none is counted")
    func bounded() {
        let lines = KeptLines()
        let log = RefusalLog(Logger(label: "test") { _ in lines })
        let start = ContinuousClock.now
        for number in 0..<1000 {
            log.note("192.0.2.1:\(number)", .crowdedOut, now: start.advanced(by: .milliseconds(number)))
        }
        #expect(lines.taken().count == RefusalLog.lineCountMax)
        log.tick(now: start.advanced(by: .seconds(9)))
        #expect(lines.taken().isEmpty)
        log.tick(now: start.advanced(by: RefusalLog.interval))
        #expect(
            lines.taken() == ["warning: refused \(1000 - RefusalLog.lineCountMax) more connections in the last seconds"]
        )
        log.note("192.0.2.1:1", .crowdedOut, now: start.advanced(by: .seconds(11)))
        #expect(lines.taken().count == 1)
    }
}
