import Glibc
import Testing

@testable import Systemd

@Suite struct JournalStreamTests {
    @Test("Output goes to the journal when device and inode are those that JOURNAL_STREAM says")
    func sameFile() throws {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { ends.forEach { _ = close($0) } }
        var status = stat()
        try #require(fstat(ends[1], &status) == 0)
        let stream = "\(status.st_dev):\(status.st_ino)"
        #expect(JournalStream.isBehind(ends[1], environment: ["JOURNAL_STREAM": stream]))
        for other in ["", ":", "1:2", "\(stream)0", "\(status.st_dev)", "x"] {
            #expect(!JournalStream.isBehind(ends[1], environment: ["JOURNAL_STREAM": other]))
        }
        #expect(!JournalStream.isBehind(ends[1], environment: [:]))
        #expect(!JournalStream.isBehind(-1, environment: ["JOURNAL_STREAM": stream]))
    }
}
