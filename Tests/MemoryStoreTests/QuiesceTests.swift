import FerryCore
import ImageStore
import MemoryStore
import Synchronization
import Testing

@Suite("Users of images in memory")
struct QuiesceTests {
    @Test("one that refuses to hold still prevents the snapshot only when it is required, and is not asked in vain")
    func refusal() async throws {
        let store = MemoryStore()
        store.addImage("image", contents: [1, 2, 3])
        let asked = Mutex<[String]>([])
        store.setQuiesce { image in
            asked.withLock { $0.append(image) }
            return false
        }
        let source = try await store.openSource("image")
        let error = try #require(
            await #expect(throws: StoreError.self) { try await source.createSnapshot("s", quiesce: .required) })
        #expect(error.reason == .notQuiesced)
        #expect(try await source.snapshots().isEmpty)
        _ = try await source.createSnapshot("s", quiesce: .bestEffort)
        #expect(asked.withLock(\.self) == ["image", "image"])
        _ = try await source.createSnapshot("t", quiesce: .skip)
        #expect(asked.withLock(\.count) == 2)
        store.setQuiesce(nil)
        _ = try await source.createSnapshot("u")
    }
}
