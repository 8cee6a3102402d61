import FerryCore
import ImageStore

/// More batches than any image of this suite may take.
let batchCountMax = 100_000

extension Delta {
    /// The target's bytes in `extent`, read in pieces side by side.
    func bytes(_ extent: Extent) async throws -> [UInt8] {
        let buffer = DataBuffer(byteCount: Int(extent.byteCount))
        let pieceByteCount: UInt64 = 300_007
        var reads: [BufferRead] = []
        var position: UInt64 = 0
        while position < extent.byteCount {
            let byteCount = min(pieceByteCount, extent.byteCount - position)
            reads.append(
                BufferRead(Extent(offset: extent.offset + position, byteCount: byteCount), at: Int(position)))
            position += byteCount
        }
        try await read(reads, into: buffer)
        return buffer.bytes(in: 0..<buffer.byteCount)
    }

    /// All extents from `offset` on; checks every rule there is for batches on the way.
    func allExtents(from offset: UInt64 = 0) async throws -> [ChangedExtent] {
        var all: [ChangedExtent] = []
        var position = offset
        for _ in 0..<batchCountMax {
            let batch = try await extents(from: position)
            try check(batch, from: position)
            all += batch.extents
            position = batch.scannedTo
            if position >= byteCount { return all }
        }
        throw ConformanceFailure(
            subject: "number of batches", expected: "at most \(batchCountMax)", found: "more, at byte \(position)")
    }

    /// All changed objects, neighbours joined; checks every rule there is for batches on the way.
    func allChangedObjects() async throws -> [ChangedExtent] {
        var all: [ChangedExtent] = []
        var position: UInt64 = 0
        while position < byteCount {
            let batch = try await changedObjects(from: position)
            try check(batch, from: position)
            for changed in batch.extents {
                if let last = all.last?.extent, last.end == changed.extent.offset {
                    let byteCount = changed.extent.end - last.offset
                    all[all.count - 1] = ChangedExtent(Extent(offset: last.offset, byteCount: byteCount), .data)
                } else {
                    all.append(changed)
                }
            }
            position = batch.scannedTo
        }
        return all
    }

    private func check(_ batch: ExtentBatch, from offset: UInt64) throws {
        try expect(
            "scannedTo of the batch from \(offset)",
            batch.scannedTo > offset || offset >= byteCount && batch.scannedTo == byteCount,
            found: "\(batch.scannedTo) of \(byteCount)")
        try expect("scannedTo in the image", batch.scannedTo <= byteCount, found: "\(batch.scannedTo)")
        var end = offset
        for changed in batch.extents {
            let extent = changed.extent
            try expect("extent is not empty", extent.byteCount > 0, found: "\(extent)")
            try expect("extent begins at or after \(end)", extent.offset >= end, found: "\(extent)")
            try expect("extent ends before scannedTo", extent.end <= batch.scannedTo, found: "\(extent)")
            end = extent.end
        }
    }

    /// Checks the whole delta against what both ends of it hold: `base` and `target` byte for byte.
    func check(_ subject: String, turns base: [UInt8], into target: [UInt8]) async throws {
        try expect("\(subject): byteCount", byteCount, equals: UInt64(target.count))
        var made = Array(base.prefix(target.count))
        made += [UInt8](repeating: 0, count: target.count - made.count)
        for changed in try await allExtents() {
            let range = Int(changed.extent.offset)..<Int(changed.extent.end)
            switch changed.content {
            case .zero: made.replaceSubrange(range, with: repeatElement(0, count: range.count))
            case .data: made.replaceSubrange(range, with: try await bytes(changed.extent))
            }
        }
        try expectBytes(subject, made, equal: target)
    }
}

extension Array where Element == ChangedExtent {
    /// What is left of a list of extents from `offset` on.
    func clipped(from offset: UInt64) -> [ChangedExtent] {
        compactMap { changed in
            changed.extent.clipped(from: offset).map { ChangedExtent($0, changed.content) }
        }
    }
}
