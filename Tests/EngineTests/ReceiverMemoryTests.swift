import Pipeline
import Synchronization
import Testing

@testable import Engine

@Suite("The memory of transfers at a receiver")
struct ReceiverMemoryTests {
    private static let blockByteCount: UInt64 = 1 << 20 + 100

    @Test("a transfer that keeps all it can get does not stop another")
    func hung() async throws {
        let (hung, healthy) = (ReceiverMemory(), ReceiverMemory())
        let held = Mutex<[ByteShare]>([])
        let greedy = Task {
            while true {
                let share = try await hung.share(Self.blockByteCount)
                held.withLock { $0.append(share) }
            }
        }
        while held.withLock(\.isEmpty) { await Task.yield() }
        for _ in 0..<100 {
            let share = try await healthy.share(Self.blockByteCount)
            withExtendedLifetime(share) {}
        }
        greedy.cancel()
        _ = await greedy.result
    }

    @Test("a block larger than its share goes alone")
    func large() async throws {
        let memory = ReceiverMemory()
        var share: ByteShare? = try await memory.share(ReceiverMemory.byteCount * 2)
        #expect(share != nil)
        let waiting = Task { try await memory.share(1) }
        await Task.yield()
        share = nil
        _ = try await waiting.value
    }
}
