import ArgumentParser
import DiffStream
import FerryCore
import Reporting
import StreamFiles

/// `rbd-ferry inspect`
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Tells what is in a stream, and whether it is whole and right.",
        discussion: "Ends with code 4 when something is wrong with the stream, and says where.")

    @Argument(help: "A file, or - for standard input.")
    var file: String

    @OptionGroup var report: ReportOptions

    func run() async throws {
        let run = StreamRun(report)
        let input = try await StreamInput.open(file, threads: run.threads)
        let found = try await run.run(input.name, isWaiting: { input.isWaiting }) {
            try await StreamInspection.run(input, workers: run.threads, meter: run.meter)
        }
        await input.close()
        if report.json {
            try await run.standardOutput.write(try JSONDocument.text(Document(found)) + "\n")
        } else if !report.quiet {
            try await run.standardOutput.write(found.table)
        }
        try await run.standardOutput.flush()
        guard let fault = found.fault else { return }
        writeToStandardError("rbd-ferry: \(input.name.printable): \(fault.cause)")
        writeToStandardError("  \(fault.remedy)")
        throw ExitStatus(.differs)
    }

    private struct Document: Encodable {
        let format: String?
        let isCompressed: Bool
        let streamBytes: UInt64
        let sha256: String?
        let image: ImageEntry?
        let diffs: [StreamReport.DiffEntry]
        let fault: FaultEntry?

        init(_ found: StreamInspection) {
            format = found.format?.name
            isCompressed = found.isCompressed
            streamBytes = found.byteCount
            sha256 = found.hexDigest
            image = found.image.map(ImageEntry.init)
            diffs = found.diffs.map(StreamReport.DiffEntry.init)
            fault = found.fault.map(FaultEntry.init)
        }
    }

    private struct ImageEntry: Encodable {
        let order: UInt64
        let features: UInt64
        let stripeUnitBytes: UInt64
        let stripeCount: UInt64
        let metadata: [String: String]

        init(_ image: ImageHeader) {
            order = image.order
            features = image.features
            stripeUnitBytes = image.stripeUnit
            stripeCount = image.stripeCount
            metadata = Dictionary(image.metadata.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        }
    }

    private struct FaultEntry: Encodable {
        let cause: String
        let record: Int?
        let byteOffset: UInt64?

        init(_ fault: any Failure) {
            cause = fault.cause
            let position = (fault as? DiffError)?.record
            record = position?.number
            byteOffset = position?.byteOffset
        }
    }
}

extension StreamInspection {
    fileprivate var hexDigest: String? {
        digest?.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
    }

    /// For people: the stream, its image, a line a diff.
    fileprivate var table: String {
        var lines = ["format  \(format?.name ?? "unknown")\(isCompressed ? ", inside of zstd" : "")"]
        lines.append("stream  \(byteCount) bytes\(hexDigest.map { ", sha256 \($0)" } ?? "")")
        if let image {
            lines.append(
                "image   order \(image.order), features \(image.features), stripes of \(image.stripeUnit) bytes over "
                    + "\(image.stripeCount) objects, \(image.metadata.count) metadata")
        }
        for (index, diff) in diffs.enumerated() {
            let from = diff.header.fromSnapshot ?? "nothing"
            let to = diff.header.toSnapshot ?? "the head"
            let size = diff.header.imageByteCount.map { "\($0) bytes" } ?? "unknown size"
            lines.append(
                "diff \(index + 1)  from \(from) to \(to)\(diff.header.isProtected == true ? " (protected)" : ""), image "
                    + "\(size): \(diff.totals.writeCount) writes of \(diff.totals.writtenByteCount) bytes, "
                    + "\(diff.totals.zeroCount) zeros of \(diff.totals.zeroedByteCount) bytes")
        }
        return lines.map { $0.printable + "\n" }.joined()
    }
}
