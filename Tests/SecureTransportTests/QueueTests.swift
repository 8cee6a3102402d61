import NIOCore
import Synchronization
import Testing

@testable import SecureTransport

@Suite("queues that are bounded in bytes", .timeLimit(.minutes(1)))
struct QueueTests {
    private func outbound() -> OutboundQueue { OutboundQueue(byteCountMax: 10_000) {} }

    @Test("a writer waits while the queue is full, and goes on when half of it is sent")
    func writerWaits() async throws {
        let queue = outbound()
        try await queue.write(ByteBuffer(repeating: 0, count: 8000))
        let later = Task { try await queue.write(ByteBuffer(repeating: 1, count: 8000)) }
        while queue.waitingWriterCount == 0 { await Task.yield() }
        #expect(queue.drain().map(\.readableBytes) == [8000])
        queue.sent(cost: 8000)
        try await later.value
        #expect(queue.drain().map(\.readableBytes) == [8000])
        #expect(queue.byteCountPeak == 8000)
    }

    @Test("a buffer larger than the bound goes through, alone")
    func largeBuffer() async throws {
        let queue = outbound()
        try await queue.write(ByteBuffer(repeating: 0, count: 50_000))
        #expect(queue.drain().count == 1)
    }

    @Test("waiting writers are served in the order in which they came, small ones too")
    func order() async throws {
        let queue = outbound()
        try await queue.write(ByteBuffer(repeating: 0, count: 10_000))
        var writers: [Task<Void, any Error>] = []
        for (index, byteCount) in [9000, 600, 9000].enumerated() {
            writers.append(Task { try await queue.write(ByteBuffer(repeating: UInt8(index), count: byteCount)) })
            while queue.waitingWriterCount <= index { await Task.yield() }
        }
        var order: [UInt8] = []
        while order.count < 4 {
            let buffers = queue.drain()
            order += buffers.compactMap { $0.getInteger(at: 0) }
            for buffer in buffers { queue.sent(cost: OutboundQueue.cost(buffer)) }
        }
        for writer in writers { try await writer.value }
        #expect(order == [0, 0, 1, 2])
    }

    @Test("a cancelled writer leaves nothing behind and lets the next one in")
    func cancelledWriter() async throws {
        let queue = outbound()
        try await queue.write(ByteBuffer(repeating: 0, count: 8000))
        let first = Task { try await queue.write(ByteBuffer(repeating: 1, count: 9000)) }
        while queue.waitingWriterCount < 1 { await Task.yield() }
        let second = Task { try await queue.write(ByteBuffer(repeating: 2, count: 1000)) }
        while queue.waitingWriterCount < 2 { await Task.yield() }
        first.cancel()
        await #expect(throws: TransportError.cancelled) { try await first.value }
        #expect(queue.drain().map { $0.getInteger(at: 0) as UInt8? } == [0])
        queue.sent(cost: 8000)
        try await second.value
        #expect(queue.drain().map { $0.getInteger(at: 0) as UInt8? } == [2])
    }

    @Test("a failure reaches writers that wait and writers that come")
    func failure() async throws {
        let queue = outbound()
        try await queue.write(ByteBuffer(repeating: 0, count: 10_000))
        let waiting = Task { try await queue.write(ByteBuffer(repeating: 0, count: 1)) }
        while queue.waitingWriterCount == 0 { await Task.yield() }
        queue.fail(.cut(address: "a", reason: "b"))
        await #expect(throws: TransportError.cut(address: "a", reason: "b")) { try await waiting.value }
        await #expect(throws: TransportError.cut(address: "a", reason: "b")) {
            try await queue.write(ByteBuffer(repeating: 0, count: 1))
        }
        await queue.waitUntilIdle()
    }

    @Test("reading stops above the bound and goes on when half of it is taken")
    func inbound() async throws {
        let resumeCount = Mutex(0)
        let queue = InboundQueue(byteCountMax: 8192) { resumeCount.withLock { $0 += 1 } }
        var pushedCount = 0
        while queue.wantsMore() {
            queue.push(ByteBuffer(repeating: 0, count: 2048))
            pushedCount += 1
        }
        #expect(pushedCount == 4)
        _ = try await queue.next()
        #expect(resumeCount.withLock { $0 } == 0)
        _ = try await queue.next()
        #expect(resumeCount.withLock { $0 } == 1)
    }

    @Test("what came before the end is read before the end")
    func inboundEnd() async throws {
        let queue = InboundQueue(byteCountMax: 8192) {}
        queue.push(ByteBuffer(string: "last"))
        queue.finish(.success(()))
        queue.finish(.failure(.closed(address: "too late")))
        #expect(try await queue.next() == ByteBuffer(string: "last"))
        #expect(try await queue.next() == nil)
        #expect(try await queue.next() == nil)
    }

    @Test("a cancelled reader loses nothing")
    func cancelledReader() async throws {
        let queue = InboundQueue(byteCountMax: 8192) {}
        let reader = Task { try await queue.next() }
        reader.cancel()
        await #expect(throws: TransportError.cancelled) { try await reader.value }
        queue.push(ByteBuffer(string: "kept"))
        #expect(try await queue.next() == ByteBuffer(string: "kept"))
    }
}
