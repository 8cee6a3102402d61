import Compression
import FerryCore
import Glibc
import Synchronization

/// Reads the plain bytes of a stream. Not `Sendable`: `StreamInput` keeps it behind a lock. Its calls block.
struct StreamReader {
    /// How the bytes come; known when the first of them were looked at.
    private enum Form {
        case unknown
        case plain
        case zstd(StreamDecompressor)
    }

    /// Compressed bytes that one read asks for.
    private static let stagedByteCountMax = Limits.writeByteCountMax

    private let descriptor: StreamDescriptor
    /// Where the stream starts in its file, in bytes.
    private let origin: Int
    private var form = Form.unknown
    /// Bytes that were read and not given out yet: what was looked at first, later compressed ones.
    private var staging: DataBuffer
    private var staged = 0..<0

    /// A reader of what is left of the open file.
    init(_ descriptor: StreamDescriptor) throws(StreamFileError) {
        self.descriptor = descriptor
        staging = DataBuffer(byteCount: StreamDecompressor.magicByteCount)
        origin = descriptor.isSeekable ? try descriptor.position("read") : 0
        if descriptor.isSeekable { descriptor.adviseSequential() }
    }

    /// Whether zstd was found; false when nothing was read yet.
    var isCompressed: Bool {
        if case .zstd = form { true } else { false }
    }

    /// Starts again where the stream starts.
    mutating func rewind() throws(StreamFileError) {
        try descriptor.seek(to: origin, "rewind")
        form = .unknown
        staging = DataBuffer(byteCount: StreamDecompressor.magicByteCount)
        staged = 0..<0
    }

    /// Fills `range` of `buffer`; less at the end only.
    mutating func read(into buffer: DataBuffer, range: Range<Int>) throws -> Int {
        if case .unknown = form { try findForm() }
        switch form {
        case .unknown, .plain: return try readPlain(into: buffer, range: range)
        case .zstd(let decompressor): return try inflate(with: decompressor, into: buffer, range: range)
        }
    }

    private mutating func findForm() throws {
        staged = 0..<(try fill(staging, 0..<StreamDecompressor.magicByteCount))
        let isZstd = staging.withSpan { StreamDecompressor.recognizes($0.extracting(staged)) }
        guard isZstd else {
            form = .plain
            return
        }
        let magic = staging
        staging = DataBuffer(byteCount: Self.stagedByteCountMax)
        staging.unsafeBytes.copyMemory(from: UnsafeRawBufferPointer(magic.unsafeBytes))
        form = .zstd(try typed { () throws(ZstdError) in try StreamDecompressor() })
    }

    private mutating func readPlain(into buffer: DataBuffer, range: Range<Int>) throws -> Int {
        let copied = staged.prefix(range.count)
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer.unsafeBytes[range])
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: staging.unsafeBytes[copied]))
        staged = copied.upperBound..<staged.upperBound
        return copied.count + (try fill(buffer, (range.lowerBound + copied.count)..<range.upperBound))
    }

    private mutating func inflate(
        with decompressor: StreamDecompressor, into buffer: DataBuffer, range: Range<Int>
    ) throws -> Int {
        var rest = range
        while !rest.isEmpty {
            if staged.isEmpty, !decompressor.holdsContent {
                staged = 0..<(try descriptor.read(into: staging.unsafeBytes, "read"))
                guard !staged.isEmpty else {
                    try typed { () throws(ZstdError) in try decompressor.finish() }
                    break
                }
            }
            let step = try typed { () throws(ZstdError) in
                try staging.withSpan { bytes throws(ZstdError) in
                    try decompressor.decompress(bytes.extracting(staged), into: buffer, range: rest)
                }
            }
            staged = (staged.lowerBound + step.consumedByteCount)..<staged.upperBound
            rest = (rest.lowerBound + step.producedByteCount)..<rest.upperBound
        }
        return range.count - rest.count
    }

    /// Reads until `range` of `buffer` is full or the file ends; gives the bytes read.
    private func fill(_ buffer: DataBuffer, _ range: Range<Int>) throws -> Int {
        var done = range.lowerBound
        while done < range.upperBound {
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer.unsafeBytes[done..<range.upperBound])
            let count = try descriptor.read(into: target, "read")
            guard count > 0 else { break }
            done += count
        }
        return done - range.lowerBound
    }

    /// Says in errors of libzstd which file they are about.
    private func typed<Result>(_ body: () throws(ZstdError) -> Result) throws(StreamFileError) -> Result {
        do throws(ZstdError) {
            return try body()
        } catch {
            throw StreamFileError(error, "read", descriptor.path)
        }
    }
}
