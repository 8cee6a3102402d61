import DiffStream
import FerryCore
import Foundation
import Reporting
import StreamFiles

/// What an export, an import or a merge says once it has ended.
struct StreamReport {
    private let verb: String
    private let subject: String
    private let formatName: String
    private let diffs: [DiffSummary]
    private let duration: Duration
    private let streamBytes: UInt64?
    private let fileBytes: UInt64?

    /// A report. The bytes are those of a stream that was written, before and after zstd.
    init(
        _ verb: String, _ subject: String, formatName: String, _ diffs: [DiffSummary], duration: Duration,
        streamBytes: UInt64? = nil, fileBytes: UInt64? = nil
    ) {
        self.verb = verb
        self.subject = subject
        self.formatName = formatName
        self.diffs = diffs
        self.duration = duration
        self.streamBytes = streamBytes
        self.fileBytes = fileBytes
    }

    /// Prints it: a document on standard output, a line on standard error, or nothing.
    func print(_ run: StreamRun) async throws {
        if run.options.json {
            let document = Document(
                result: verb, format: formatName, diffs: diffs.map(DiffEntry.init), durationMs: duration.milliseconds,
                streamBytes: streamBytes, fileBytes: fileBytes)
            try await run.standardOutput.write(try JSONDocument.text(document) + "\n")
            try await run.standardOutput.flush()
        } else if !run.options.quiet {
            writeToStandardError("rbd-ferry: \(line)")
        }
    }

    private var line: String {
        let name = subject.isEmpty ? verb : "\(verb) \(subject)"
        var parts = ["\(name) (\(formatName)): \(steps)"]
        parts.append("data \(Quantity.bytes(diffs.reduce(0) { $0 + $1.totals.writtenByteCount }))")
        parts.append("zeros \(Quantity.bytes(diffs.reduce(0) { $0 + $1.totals.zeroedByteCount }))")
        if let fileBytes { parts.append("wrote \(Quantity.bytes(fileBytes))") }
        parts.append("\(Quantity.seconds(duration)) s")
        return parts.joined(separator: ", ")
    }

    private var steps: String {
        guard let first = diffs.first, let last = diffs.last else { return "nothing" }
        let from = first.header.fromSnapshot.map { "from \($0)" } ?? "all"
        return "\(from) to \(last.header.toSnapshot ?? "the head")".printable
    }

    private struct Document: Encodable {
        let result: String
        let format: String
        let diffs: [DiffEntry]
        let durationMs: Int64
        let streamBytes: UInt64?
        let fileBytes: UInt64?
    }

    /// A diff, in documents.
    struct DiffEntry: Encodable {
        let from: String?
        let to: String?
        let isProtected: Bool?
        let sizeBytes: UInt64?
        let writes: Int
        let writtenBytes: UInt64
        let zeros: Int
        let zeroedBytes: UInt64

        init(_ diff: DiffSummary) {
            from = diff.header.fromSnapshot
            to = diff.header.toSnapshot
            isProtected = diff.header.isProtected
            sizeBytes = diff.header.imageByteCount
            writes = diff.totals.writeCount
            writtenBytes = diff.totals.writtenByteCount
            zeros = diff.totals.zeroCount
            zeroedBytes = diff.totals.zeroedByteCount
        }
    }
}
