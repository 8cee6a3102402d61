import ArgumentParser
import DiffStream
import FerryCore
import StreamFiles

/// `rbd-ferry merge`
struct MergeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge", abstract: "Makes one diff of two that follow each other.",
        discussion: "FIRST leads to the snapshot that SECOND starts from. Both may be inside of zstd.")

    @Argument(help: "A file with the earlier diff, or - for standard input.")
    var first: String

    @Argument(help: "A file with the later diff, or - for standard input.")
    var second: String

    @Option(name: .long, help: "v1 or v2; the first one's when not given.")
    var format: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        guard first != "-" || second != "-" else { throw ValidationError("only one of the two can be standard input") }
        guard try format.map({ try StreamFormats.parsed($0).isHistory }) != true else {
            throw ValidationError("a merge gives one diff; --format takes v1 or v2")
        }
        try output.validate(with: report)
    }

    func run() async throws {
        let run = StreamRun(report)
        let format = try format.map { try StreamFormats.parsed($0) }
        let inputs = (
            try await StreamInput.open(first, threads: run.threads),
            try await StreamInput.open(second, threads: run.threads)
        )
        let output = try await output.create(threads: run.threads)
        let isWaiting = { @Sendable in inputs.0.isWaiting || inputs.1.isWaiting || output.isWaiting }
        let merged = try await run.run("merge", isWaiting: isWaiting) {
            try await StreamMerge.run(inputs.0, inputs.1, to: output, format: format, meter: run.meter)
        }
        await inputs.0.close()
        await inputs.1.close()
        try await StreamReport(
            "merged", "", formatName: merged.formatName, [merged.diff], duration: run.duration,
            streamBytes: output.byteCount, fileBytes: output.writtenByteCount
        ).print(run)
    }
}
