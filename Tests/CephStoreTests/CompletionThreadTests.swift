import CCeph
import Dispatch
import Testing

@testable import CephStore

@Suite("Threads on which librbd handles what comes", .enabled(if: TestCluster.isThere))
struct CompletionThreadTests {
    @Test("a clone counts as open once each of them is done with what it did")
    func waits() async throws {
        let cluster = try TestCluster.get()
        let made = try await cluster.make(.clone, byteCount: 24 << 20)
        let pool = try RadosPool(RadosCluster(confPath: cluster.confPath, user: "admin"), pool: "rbd", namespace: nil)
        let other = try RBDHandle(pool, .name(made.name), .momentary)
        let busy = BusyThread()
        try busy.occupy(by: other)
        let opened = DispatchSemaphore(value: 0)
        let opening = Task {
            let handle = try await CephThreads.control.run { () throws(CephError) in
                try RBDHandle(pool, .name(made.name), .momentary)
            }
            opened.signal()
            await CephThreads.control.run { handle.close() }
        }
        let wasOpened = await CephThreads.control.run { opened.wait(timeout: .now() + .milliseconds(500)) == .success }
        #expect(!wasOpened, "one thread is busy")
        busy.release()
        try await opening.value
        await CephThreads.control.run { other.close() }
    }

    /// A callback that keeps the thread it came on.
    private final class BusyThread: Sendable {
        private let arrived = DispatchSemaphore(value: 0)
        private let released = DispatchSemaphore(value: 0)

        /// Returns when a thread is occupied, by a callback for this image. Blocks.
        func occupy(by handle: RBDHandle) throws {
            var completion: rbd_completion_t?
            let argument = Unmanaged.passRetained(self).toOpaque()
            rbd_aio_create_completion(
                argument,
                { completion, argument in
                    guard let argument else { return }
                    let busy = Unmanaged<BusyThread>.fromOpaque(argument).takeRetainedValue()
                    rbd_aio_release(completion)
                    busy.arrived.signal()
                    busy.released.wait()
                }, &completion)
            try #require(rbd_aio_flush(handle.raw, completion) >= 0)
            arrived.wait()
        }

        func release() { released.signal() }
    }
}
