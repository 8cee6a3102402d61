import FerryCore
import MemoryStore
import TestSupport

/// Makes an image whose snapshots differ in every way that a diff can tell.
struct RandomHistory {
    private let store: MemoryStore
    private let byteCountMax: Int
    private var generator: SeededGenerator

    /// Histories that depend on the seed only, of images of at most `byteCountMax` bytes.
    init(_ store: MemoryStore, seed: UInt64, byteCountMax: Int) {
        self.store = store
        self.byteCountMax = byteCountMax
        generator = SeededGenerator(seed: seed)
    }

    /// Makes the image "vm" with these snapshots, and changes its head once more.
    mutating func make(_ snapshots: [String]) async throws {
        let byteCount = Int.random(in: 0...byteCountMax, using: &generator)
        store.addImage("vm", contents: [UInt8](repeating: 0, count: byteCount))
        for snapshot in snapshots {
            try await change()
            try await store.takeSnapshot(snapshot, isProtected: Bool.random(using: &generator))
        }
        try await change()
    }

    private mutating func change() async throws {
        for _ in 0..<Int.random(in: 0..<8, using: &generator) {
            let byteCount = store.contents(of: "vm")?.count ?? 0
            let choice = Int.random(in: 0..<8, using: &generator)
            guard choice < 7, byteCount > 0 else {
                store.resizeHead(of: "vm", to: UInt64(Int.random(in: 0...byteCountMax, using: &generator)))
                continue
            }
            let offset = Int.random(in: 0..<byteCount, using: &generator)
            // Mostly small, so that not everything is overwritten at once.
            let limit = Bool.random(using: &generator) ? 20_000 : byteCountMax
            let count = Int.random(in: 1...min(byteCount - offset, limit), using: &generator)
            switch choice {
            case 0..<4: store.overwrite("vm", at: UInt64(offset), with: generator.bytes(count))
            case 4: store.overwrite("vm", at: UInt64(offset), with: [UInt8](repeating: 0, count: count))
            default: try await store.discard(Extent(offset: UInt64(offset), byteCount: UInt64(count)))
            }
        }
    }
}
