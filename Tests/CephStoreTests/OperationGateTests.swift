import Synchronization
import Testing

@testable import CephStore

@Suite("Operation gate")
struct OperationGateTests {
    private final class Log: Sendable {
        private let content = Mutex<[String]>([])
        var lines: [String] { content.withLock(\.self) }
        func append(_ line: String) { content.withLock { $0.append(line) } }
    }

    @Test("closing waits for operations in flight and releases once")
    func closes() async throws {
        let gate = OperationGate()
        let log = Log()
        let started = AsyncStream<Void>.makeStream()
        let finish = AsyncStream<Void>.makeStream()
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try? await gate.run {
                    started.continuation.finish()
                    for await _ in finish.stream {}
                    log.append("operation")
                }
            }
            for await _ in started.stream {}
            for _ in 0..<3 {
                tasks.addTask { await gate.close { log.append("release") } }
            }
            finish.continuation.finish()
        }
        #expect(log.lines == ["operation", "release"])
        await #expect(throws: CephError.self) { try await gate.run {} }
    }
}
