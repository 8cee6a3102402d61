import ArgumentParser
import Compression
import FerryCore

/// `benchmark-parts zstd`
struct ZstdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zstd", abstract: "Compresses and inflates blocks of several kinds and sizes at several levels.")

    /// What was measured.
    struct Result: Encodable {
        /// In the order of content, block size, level.
        let blocks: [Row]
    }

    /// One kind of content, one size, one level, on one thread. Rates count the content's bytes.
    struct Row: Encodable {
        let content: String
        let blockBytes: Int
        let level: Int
        let compressBytesPerSecond: Double
        /// Null where no block became smaller.
        let inflateBytesPerSecond: Double?
        /// Bytes that would be sent, for each byte of content: 1 where blocks go as they are.
        let sentShare: Double
    }

    @Option(name: .long, help: "How much of each content to compress at each level.")
    var mebibytes = 32

    private static let levels = [-7, -5, -3, -1, 1, 2, 3, 6, 9]
    private static let blockByteCounts = [1 << 20, 4 << 20]

    func validate() throws {
        guard (4...4096).contains(mebibytes) else { throw ValidationError("--mebibytes takes 4 to 4096") }
    }

    func run() async throws {
        var rows: [Row] = []
        for content in SampleContent.allCases {
            for byteCount in Self.blockByteCounts {
                // Several blocks in turn, so that neither the processor's caches nor its branches know the next.
                let blocks = (0..<4).map { content.bytes(count: byteCount, seed: $0) }
                for level in Self.levels { rows.append(try measure(blocks, content, byteCount, level)) }
            }
        }
        try printResult(Result(blocks: rows))
    }

    private func measure(_ blocks: [[UInt8]], _ content: SampleContent, _ byteCount: Int, _ level: Int) throws -> Row {
        let compressor = BlockCompressor()
        let decompressor = BlockDecompressor()
        let clock = ContinuousClock()
        var (compressing, inflating) = (Duration.zero, Duration.zero)
        var (sentByteCount, inflatedByteCount) = (0, 0)
        let roundCount = (mebibytes << 20) / byteCount
        // The first round takes memory and is not counted.
        for round in 0...roundCount {
            let block = blocks[round % blocks.count]
            var frame: BufferSlice?
            let compressTime = try clock.measure { frame = try compressor.compress(block.span, level: level) }
            let inflateTime = try clock.measure {
                _ = try frame?.withSpan { (span) throws(ZstdError) in
                    try decompressor.decompress(span, contentByteCount: block.count)
                }
            }
            guard round > 0 else { continue }
            compressing += compressTime
            sentByteCount += frame?.byteCount ?? block.count
            guard frame != nil else { continue }
            inflating += inflateTime
            inflatedByteCount += block.count
        }
        let contentByteCount = Double(roundCount * byteCount)
        return Row(
            content: content.rawValue, blockBytes: byteCount, level: level,
            compressBytesPerSecond: contentByteCount / (compressing / .seconds(1)),
            inflateBytesPerSecond: inflatedByteCount > 0 ? Double(inflatedByteCount) / (inflating / .seconds(1)) : nil,
            sentShare: Double(sentByteCount) / contentByteCount)
    }
}
