import DiffStream
import FerryCore
import Foundation
import ImageStore
import MemoryStore
import Synchronization
import Testing
import Threading

@testable import StreamFiles

/// Threads that look for zeros.
let workers = BlockingThreads(count: 2)
/// Threads that may wait for pipes: more than there are tests that do at one time.
private let pipeThreads = BlockingThreads(count: 48)

/// All that an import may change of an image. Compared outside of `#expect`, which would print every byte.
struct ImageState: Equatable {
    struct SnapshotState: Equatable {
        let name: String
        let bytes: [UInt8]?
        var isProtected: Bool
    }
    var head: [UInt8]?
    var snapshots: [SnapshotState]
    var metadata: [ImageMetadata]

    /// What a format without a word for protection and metadata can carry.
    var bytesOnly: ImageState {
        var state = self
        for index in state.snapshots.indices { state.snapshots[index].isProtected = false }
        state.metadata = []
        return state
    }
}

extension MemoryStore {
    /// The image as it is now; nil when there is none.
    func state(of image: String = "vm") async throws -> ImageState? {
        guard let open = try await openMirror(image) else { return nil }
        let snapshots = try await open.snapshots()
        let metadata = try await open.allMetadata()
        await open.close()
        let states = snapshots.map { snapshot in
            let name = snapshot.identity.name
            return ImageState.SnapshotState(
                name: name, bytes: contents(of: image, at: name), isProtected: snapshot.isPinned)
        }
        return ImageState(head: contents(of: image), snapshots: states, metadata: metadata)
    }

    func takeSnapshot(_ name: String, of image: String = "vm", isProtected: Bool = false) async throws {
        let open = try await openSource(image)
        let snapshot = try await open.createSnapshot(name)
        if isProtected { _ = try await open.pin(snapshot.identity) }
        await open.close()
    }

    func setMetadata(_ entries: [String: String], of image: String = "vm") async throws {
        let open = try await openSource(image)
        for (key, value) in entries { try await open.setMetadata(key, to: value) }
        await open.close()
    }

    /// Makes an extent read as zeros, as a discard does.
    func discard(_ extent: Extent, of image: String = "vm") async throws {
        let open = try #require(try await openMirror(image))
        try await open.apply([.zeroes(extent)], from: DataBuffer(byteCount: 0))
        await open.close()
    }
}

/// Where a stream comes from.
enum Medium: CaseIterable {
    case file
    case pipe

    /// An input that gives `bytes`; through a pipe in slices of odd size.
    func open(_ bytes: [UInt8], _ folder: StreamFolder, sliceByteCount: Int = 70_001) async throws -> StreamInput {
        switch self {
        case .file:
            return try await StreamInput.open(folder.write(bytes, to: "input-\(UUID())"), threads: pipeThreads)
        case .pipe:
            let (readEnd, writeEnd) = makePipe()
            Thread.detachNewThread {
                writeAll(bytes, to: writeEnd, sliceByteCount: sliceByteCount)
                close(writeEnd)
            }
            return try pipeInput(owning: readEnd)
        }
    }
}

/// Writes until all is written or the reader is gone; gives what was written.
@discardableResult
func writeAll(_ bytes: [UInt8], to number: CInt, sliceByteCount: Int = 70_001) -> Int {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.prefix(sliceByteCount).withUnsafeBytes { write(number, $0.baseAddress, $0.count) }
        guard count > 0 else { break }
        rest = rest.dropFirst(count)
    }
    return bytes.count - rest.count
}

func pipeInput(owning number: CInt) throws -> StreamInput {
    try StreamInput(StreamDescriptor(owning: number, path: "input", "open"), threads: pipeThreads)
}

/// Exports an image of `store`, and lets go of it.
@discardableResult
func export(
    _ export: StreamExport, of image: String = "vm", in store: MemoryStore, to output: StreamOutput
) async throws -> StreamExport.Outcome {
    let source = try await store.openSource(image)
    let result: Result<StreamExport.Outcome, any Error>
    do {
        result = .success(
            try await export.run(source, name: image, to: output, workers: workers, meter: StreamMeter()))
    } catch {
        result = .failure(error)
    }
    await source.close()
    return try result.get()
}

/// The stream that an export writes.
func exported(
    _ settings: StreamExport, of image: String = "vm", in store: MemoryStore, zstdLevel: Int? = nil
) async throws -> [UInt8] {
    try await written(zstdLevel: zstdLevel) { output in
        try await export(settings, of: image, in: store, to: output)
    }
}

/// What `body` writes, through a pipe: files are made durable, which takes its time on a busy disk.
func written(
    zstdLevel: Int? = nil, _ body: (StreamOutput) async throws -> Void
) async throws -> [UInt8] {
    let (readEnd, writeEnd) = makePipe()
    let output = try output(sharing: writeEnd, zstdLevel: zstdLevel)
    close(writeEnd)
    let reading = Task {
        try await pipeThreads.run { [descriptor = try StreamDescriptor(owning: readEnd, path: "pipe", "open")] in
            let buffer = DataBuffer(byteCount: 1 << 16)
            var bytes: [UInt8] = []
            while true {
                let count = try descriptor.read(into: buffer.unsafeBytes, "read")
                guard count > 0 else { return bytes }
                buffer.append(0..<count, to: &bytes)
            }
        }
    }
    do {
        try await body(output)
    } catch {
        await output.abandon()
        _ = try await reading.value
        throw error
    }
    return try await reading.value
}

/// Imports `input` into an image of `store`, and closes it.
@discardableResult
func importing(
    _ input: StreamInput, into store: MemoryStore, as image: String = "vm", restores: Bool = false,
    meter: StreamMeter = StreamMeter()
) async throws -> StreamImport.Outcome {
    let result: Result<StreamImport.Outcome, any Error>
    do {
        let pass = StreamImport(
            to: image, in: store, restoresUnfinished: restores, workers: workers, meter: meter)
        result = .success(try await pass.run(input))
    } catch {
        result = .failure(error)
    }
    await input.close()
    return try result.get()
}

/// Imports `stream` from a file.
@discardableResult
func importing(
    _ stream: [UInt8], into store: MemoryStore, restores: Bool = false
) async throws -> StreamImport.Outcome {
    let folder = try StreamFolder()
    return try await importing(Medium.file.open(stream, folder), into: store, restores: restores)
}

/// What `body` throws; nil when it succeeds.
func failure(of body: () async throws -> Void) async -> (any Error)? {
    do {
        try await body()
        return nil
    } catch {
        return error
    }
}

/// A diff with these extents; those without bytes are zeros.
func diff(
    _ header: DiffHeader, _ extents: [(offset: UInt64, bytes: [UInt8]?, byteCount: UInt64)],
    _ format: any StreamFormat = DiffV2Format()
) -> [UInt8] {
    var stream: [UInt8] = []
    format.appendDiffOpening(header, to: &stream)
    for (offset, bytes, byteCount) in extents {
        let extent = Extent(offset: offset, byteCount: byteCount)
        if let bytes {
            format.appendWriteHeader(extent, to: &stream)
            stream += bytes
        } else {
            format.appendZero(extent, to: &stream)
        }
    }
    format.appendEnd(to: &stream)
    return stream
}

/// Makes chosen operations of a store fail, counted from 0, and knows how many there were.
final class FaultPlan: Sendable {
    private let fails: @Sendable (Int) -> Bool
    private let seen = Mutex<(count: Int, failed: [MemoryOperation])>((0, []))

    init(_ fails: @escaping @Sendable (Int) -> Bool = { _ in false }) { self.fails = fails }

    var operationCount: Int { seen.withLock { $0.count } }
    /// The operations that failed.
    var failed: [MemoryOperation] { seen.withLock { $0.failed } }

    @Sendable func step(_ operation: MemoryOperation, _ image: String) async throws(StoreError) {
        let isHere = seen.withLock { seen in
            defer { seen.count += 1 }
            guard fails(seen.count) else { return false }
            seen.failed.append(operation)
            return true
        }
        if isHere { throw StoreError(.unavailable, "go on with", image, detail: "test fault") }
    }
}

/// Runs something once, at the first call.
final class Once: Sendable {
    private let isDone = Mutex(false)

    func run(_ body: () async throws -> Void) async rethrows {
        let isFirst = isDone.withLock { isDone in
            defer { isDone = true }
            return !isDone
        }
        if isFirst { try await body() }
    }
}

/// Where operations wait until they are let through, or cancelled.
final class Gate: Sendable {
    private let state = Mutex<(waiterCount: Int, isOpen: Bool)>((0, false))

    /// How many have come.
    var waiterCount: Int { state.withLock { $0.waiterCount } }

    func open() { state.withLock { $0.isOpen = true } }

    func wait() async {
        state.withLock { $0.waiterCount += 1 }
        while !state.withLock({ $0.isOpen }), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
    }
}
