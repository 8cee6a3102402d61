public import DiffStream
public import FerryCore
import OpenSSL
import Synchronization
public import Threading

/// What a stream holds, and what is wrong with it.
public struct StreamInspection: Sendable {
    /// The format; nil when the first bytes are of none that is known.
    public let format: (any StreamFormat)?
    /// Whether zstd was around it.
    public let isCompressed: Bool
    /// What the stream says of its image, in formats that say something.
    public let image: ImageHeader?
    /// Its diffs; the last one as far as it goes, when something is wrong.
    public let diffs: [DiffSummary]
    /// Bytes of the stream, without zstd, as far as they were read.
    public let byteCount: UInt64
    /// SHA-256 of these bytes; nil when something is wrong.
    public let digest: [UInt8]?
    /// The first thing that is wrong; nil when the stream is whole and right.
    public let fault: (any Failure)?

    /// Reads `input` to its end, or to the first fault. Throws when it can't be read.
    public static func run(
        _ input: StreamInput, workers: BlockingThreads, meter: StreamMeter
    ) async throws -> StreamInspection {
        meter.update { $0.phase = .checking }
        let sum = StreamSum(workers)
        let reader = StreamBatches(input, onBytes: { buffer, range in await sum.add(buffer, range) })
        var diffs: [DiffSummary] = []
        var open: StreamBatches.OpenedDiff?
        var fault: (any Failure)?
        do {
            while let diff = try await reader.nextDiff() {
                meter.beginDiff(imageByteCount: diff.byteCount)
                open = diff
                while let batch = try await reader.nextBatch() { meter.update { $0.offset = batch.end } }
                diffs.append(DiffSummary(header: diff.header, totals: await reader.totals))
                open = nil
            }
        } catch let error as DiffError {
            fault = error
        } catch let error as StreamFileError where error.isDamage {
            fault = error
        }
        if let open { diffs.append(DiffSummary(header: open.header, totals: await reader.totals)) }
        return StreamInspection(
            format: await reader.format, isCompressed: input.isCompressed, image: await reader.image, diffs: diffs,
            byteCount: await sum.byteCount, digest: fault == nil ? await sum.digest() : nil, fault: fault)
    }
}

extension StreamFileError {
    /// Whether the file was read, and its zstd is at fault.
    fileprivate var isDamage: Bool {
        guard case .zstd(let code) = reason else { return false }
        return code != .outOfMemory && code != .badSetting
    }
}
