import FerryCore
import Glibc
import ImageStore
import Threading

/// A delta between two snapshot files. Both modes find the same extents: a file system has no coarser map to ask.
final class DirectoryDelta: Delta {
    private let files: FileComparison
    private let threads: BlockingThreads
    private let laneCount: Int
    private let gate = OperationGate()

    init(files: FileComparison, threads: BlockingThreads, laneCount: Int) {
        self.files = files
        self.threads = threads
        self.laneCount = laneCount
    }

    var byteCount: UInt64 { files.targetByteCount }

    func changedByteCountEstimate() async throws(StoreError) -> UInt64? {
        guard files.base == nil else { return nil }
        let blocks = try files.target.status("read the size of").st_blocks
        return min(byteCount, UInt64(max(0, blocks)) * 512)
    }

    func extents(from offset: UInt64) async throws(StoreError) -> ExtentBatch {
        try enter("list extents of")
        defer { gate.leave() }
        return try await threads.run { [files] () throws(StoreError) in
            try files.extents(from: offset, "list extents of")
        }
    }

    func changedObjects(from offset: UInt64) async throws(StoreError) -> ExtentBatch {
        try await extents(from: offset)
    }

    func read(_ reads: [BufferRead], into buffer: DataBuffer) async throws(StoreError) {
        try enter("read")
        defer { gate.leave() }
        for read in reads { try check(read, buffer) }
        try await threads.runInLanes(reads, laneCount: laneCount) { [files] read throws(StoreError) in
            let part = buffer.unsafeBytes[read.position..<read.position + Int(read.extent.byteCount)]
            let found = try files.target.read(
                into: UnsafeMutableRawBufferPointer(rebasing: part), at: read.extent.offset, "read")
            guard found == part.count else {
                throw StoreError(
                    .inconsistent, "read", "\(files.target.path) at byte \(read.extent.offset)",
                    detail: "expected \(part.count) bytes, found \(found)")
            }
        }
    }

    func close() async { await gate.close() }

    private func enter(_ operation: String) throws(StoreError) {
        guard gate.enter() else {
            throw StoreError(.failed, operation, files.target.path, detail: "the delta was closed")
        }
    }

    private func check(_ read: BufferRead, _ buffer: DataBuffer) throws(StoreError) {
        guard read.extent.end <= byteCount, read.fits(in: buffer.byteCount) else {
            throw StoreError(
                .inconsistent, "read", files.target.path,
                detail: "\(read) of \(byteCount) bytes does not fit in a buffer of \(buffer.byteCount)")
        }
    }
}
