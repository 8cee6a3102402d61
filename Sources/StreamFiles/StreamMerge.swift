public import DiffStream
import FerryCore

/// Makes one diff of two that follow each other. Holds a chunk of each, whatever their size.
public enum StreamMerge {
    /// What came of a merge.
    public struct Outcome: Sendable {
        /// The diff that was written.
        public let diff: DiffSummary
        /// The format it was written in.
        public let formatName: String
    }

    /// Reads both inputs to their ends and writes the merged diff, in `format` or else in the first one's. When this
    /// returns, `output` is finished; when it throws, it was abandoned.
    public static func run(
        _ first: StreamInput, _ second: StreamInput, to output: StreamOutput, format: (any StreamFormat)? = nil,
        meter: StreamMeter
    ) async throws -> Outcome {
        do {
            meter.update { $0.phase = .exporting }
            let (first, second) = (MergeInput(first, meter), MergeInput(second, meter))
            let firstFormat = try await first.format()
            _ = try await second.format()
            let format = format ?? firstFormat
            let diff = try await merge(first, second, MergeWriter(output, format: format, meter: meter))
            meter.update { $0.phase = .finishing }
            try await output.finish()
            return Outcome(diff: diff, formatName: format.name)
        } catch {
            await output.abandon()
            throw error
        }
    }

    private static func merge(
        _ first: MergeInput, _ second: MergeInput, _ writer: consuming MergeWriter
    ) async throws -> DiffSummary {
        var merge = DiffMerge()
        while true {
            switch merge.next() {
            case .needs(let side): try merge.take(try await (side == .first ? first : second).next(), from: side)
            case .opening(let header): writer.append(header)
            case .write(let extent): try await writer.append(write: extent)
            case .data(let side, let range):
                try await writer.append(range, of: await (side == .first ? first : second).buffer)
            case .zero(let extent): try await writer.append(zero: extent)
            case .end:
                try await first.checkEnd()
                try await second.checkEnd()
                return try await writer.finish()
            }
        }
    }
}
