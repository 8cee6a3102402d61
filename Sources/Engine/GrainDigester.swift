import Conversation
import FerryCore
import ImageStore
import OpenSSL
import Pipeline
import Synchronization
import Threading

/// Reads stretches of an image and digests them grain by grain: the leaves of the tree by which two ends compare what they
/// hold. Each end reads for itself.
struct GrainDigester: Sendable {
    /// Leaves of one question that are read at once.
    private static let readCountMax = 2
    /// Bytes of memory for all leaves that this process holds, whatever the number of images: three leaves in their
    /// buffers. One question whose store hangs leaves room for another.
    private static let memory = ByteBudget(limit: 13 << 20)

    /// Reads the image's bytes. What is asked for lies inside it, or reads as zeros.
    let read: @Sendable ([BufferRead], DataBuffer) async throws -> Void
    let workers: BlockingThreads
    /// Waits until so many bytes may be read, before memory is taken: a comparison that is slow on purpose holds none.
    var pace: @Sendable (UInt64) async throws -> Void = { _ in }
    /// Hears how many bytes were read, leaf by leaf.
    var onRead: @Sendable (UInt64) -> Void = { _ in }

    /// Reads the target of a source's delta, at the pace that is set; `meter` counts what passes.
    static func source(
        _ delta: any Delta, pacing: Pacing, workers: BlockingThreads, meter: TransferMeter
    ) -> GrainDigester {
        GrainDigester(
            read: { try await delta.read($0, into: $1) }, workers: workers,
            pace: { try await pacing.takeReading(Int($0), countedBy: meter) })
    }

    /// The answer to a question that was checked.
    func answer(_ query: DigestQuery) async throws -> Digests {
        let digests = try await self.digests(of: query.extents, grainByteCount: query.grainByteCount)
        return Digests(number: query.number, bytes: query.isFolded ? SHA256Digest.digest(digests.span) : digests)
    }

    /// The digests of the extents' grains, 32 bytes each, one after another.
    func digests(of extents: [Extent], grainByteCount: UInt64) async throws -> [UInt8] {
        let leaves = LeafList(extents)
        var all: [UInt8] = []
        try await orderedMap(
            width: Self.readCountMax,
            next: {
                guard let leaf = leaves.next() else { return nil as SharedLeaf? }
                try await pace(leaf.byteCount)
                return SharedLeaf(extent: leaf, share: try await Self.memory.share(LeafPart.memoryByteCount(of: leaf)))
            },
            transform: { leaf in
                let digests = try await self.digests(ofLeaf: leaf.extent, grainByteCount: Int(grainByteCount))
                withExtendedLifetime(leaf.share) {}
                return digests
            },
            consume: { all += $0 })
        return all
    }

    private struct SharedLeaf: Sendable {
        let extent: Extent
        let share: ByteShare
    }

    private func digests(ofLeaf leaf: Extent, grainByteCount: Int) async throws -> [UInt8] {
        let parts = LeafPart.parts(of: leaf)
        try await withThrowingDiscardingTaskGroup { group in
            for part in parts { group.addTask { try await read(part.reads, part.buffer) } }
        }
        onRead(leaf.byteCount)
        return await workers.run {
            // Parts end where grains do, unless the grain is the leaf.
            guard grainByteCount <= LeafPart.byteCountMax else {
                return Self.digest(parts.map { ($0.buffer, $0.range) })
            }
            return parts.flatMap { part in
                stride(from: 0, to: part.range.upperBound, by: grainByteCount).flatMap { start in
                    Self.digest([(part.buffer, start..<min(start + grainByteCount, part.range.upperBound))])
                }
            }
        }
    }

    /// The digest of stretches of buffers, one behind another.
    private static func digest(_ stretches: [(buffer: DataBuffer, range: Range<Int>)]) -> [UInt8] {
        guard !stretches.allSatisfy({ $0.buffer.isZero($0.range) }) else {
            return ZeroDigests.digest(stretches.reduce(0) { $0 + $1.range.count })
        }
        var hasher = SHA256Hasher()
        for (buffer, range) in stretches { buffer.withSpan { hasher.update($0.extracting(range)) } }
        return hasher.finish()
    }
}

/// A part of a leaf, in a buffer of the one size that is kept for the next (`BufferMemory`): whole leaves scattered the heap,
/// and twice the memory was taken.
private struct LeafPart: Sendable {
    static let byteCountMax = 2 << 20
    /// Bytes of one read. A store holds what it reads a second time.
    private static let readByteCountMax: UInt64 = 1 << 20

    let reads: [BufferRead]
    let buffer: DataBuffer
    var range: Range<Int> { 0..<buffer.byteCount }

    private init(_ extent: Extent) {
        buffer = DataBuffer(byteCount: Int(extent.byteCount))
        reads = extent.pieces(of: Self.readByteCountMax).map { BufferRead($0, at: Int($0.offset - extent.offset)) }
    }

    /// Memory that a leaf's parts take.
    static func memoryByteCount(of leaf: Extent) -> UInt64 {
        leaf.pieces(of: UInt64(byteCountMax)).reduce(0) {
            $0 + UInt64(DataBuffer.memoryByteCount(of: Int($1.byteCount)))
        }
    }

    static func parts(of leaf: Extent) -> [LeafPart] { leaf.pieces(of: UInt64(byteCountMax)).map(LeafPart.init) }
}

extension Extent {
    /// The extent in pieces of so many bytes, counted from its start; the last may be shorter.
    fileprivate func pieces(of byteCount: UInt64) -> [Extent] {
        stride(from: offset, to: end, by: Int(byteCount)).map {
            Extent(offset: $0, byteCount: min(byteCount, end - $0))
        }
    }
}

/// Extents in pieces of one leaf at most.
private final class LeafList: Sendable {
    private let rest: Mutex<ArraySlice<Extent>>

    init(_ extents: [Extent]) {
        rest = Mutex(extents[...])
    }

    func next() -> Extent? {
        rest.withLock { rest in
            guard let first = rest.first else { return nil }
            let end = (first.offset / Limits.digestLeafByteCount + 1) * Limits.digestLeafByteCount
            guard let left = first.clipped(from: end) else { return rest.popFirst() }
            rest[rest.startIndex] = left
            return first.clipped(to: end)
        }
    }
}

/// Digests of zeros: most of a large image is holes, and need not be hashed again and again.
private enum ZeroDigests {
    private static let known = Mutex<[Int: [UInt8]]>([:])

    static func digest(_ byteCount: Int) -> [UInt8] {
        // An image's last grain may have any length: only the usual ones are kept.
        guard byteCount.nonzeroBitCount == 1 else { return make(byteCount) }
        return known.withLock { known in
            if let digest = known[byteCount] { return digest }
            let digest = make(byteCount)
            known[byteCount] = digest
            return digest
        }
    }

    private static func make(_ byteCount: Int) -> [UInt8] {
        let zeros = DataBuffer(byteCount: byteCount)
        zeros.clear()
        return zeros.withSpan { SHA256Digest.digest($0) }
    }
}
