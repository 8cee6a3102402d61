import Agent
import AgentConfiguration
import ArgumentParser
import DiffStream
import FerryCore
import ImageStore
import StreamFiles
import Threading

/// `rbd-ferry export`
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes what changed in an image, or all of it, as a stream.",
        discussion: """
            v1 is one diff, as `rbd import-diff` and `rbd merge-diff` take it. image-v2 is the image with all its \
            snapshots up to the one that is named, as `rbd import --export-format 2` takes it. v2 is one diff in \
            the records of image-v2.

            Snapshots are protected while they are read. Without @SNAP the head is exported, through a snapshot \
            (\(HeldSource.temporaryPrefix)...) that is removed afterwards.
            """)

    @Argument(help: "ceph:POOL[/NAMESPACE]/IMAGE[@SNAP] or dir:FOLDER/IMAGE[@SNAP].")
    var spec: String

    @Option(name: .long, help: ArgumentHelp("Only what changed since this snapshot.", valueName: "snap"))
    var from: String?

    @Option(name: .long, help: "v1, v2 or image-v2.")
    var format = "v1"

    @Option(name: .long, help: "How changes are found: hybrid (object map first) or exact.")
    var diff = DiffMode.hybrid

    @OptionGroup var output: OutputOptions
    @OptionGroup var storeOptions: StoreOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        let format = try parsedFormat()
        guard from == nil || !format.isHistory else {
            throw ValidationError("--from goes with one diff; \(format.name) holds the whole history")
        }
        try output.validate(with: report)
    }

    func run() async throws {
        let spec = try ImageSpec(spec)
        let run = StreamRun(report)
        let export = StreamExport(snapshot: spec.snapshot, base: from, format: try parsedFormat(), mode: diff)
        let output = try await output.create(threads: run.threads)
        let outcome = try await run.run(spec.image, isWaiting: { output.isWaiting }) {
            do {
                return try await storeOptions.withSource(of: spec) { image in
                    try await export.run(
                        image, name: spec.image, to: output, workers: run.threads, meter: run.meter)
                }
            } catch {
                await output.abandon()
                throw error
            }
        }
        warn(pinFailure: outcome.pinFailure, leftBehind: outcome.leftBehind)
        try await StreamReport(
            "exported", spec.image, formatName: export.format.name, outcome.diffs, duration: run.duration,
            streamBytes: output.byteCount, fileBytes: output.writtenByteCount
        ).print(run)
    }

    private func parsedFormat() throws -> any StreamFormat { try StreamFormats.parsed(format) }
}

/// Where a stream goes.
struct OutputOptions: ParsableArguments {
    @Option(name: [.customShort("o"), .long], help: "A file, or - for standard output.")
    var output = "-"

    @Flag(name: .long, help: "Replace the file if it exists.")
    var force = false

    @Flag(name: .long, help: "Put zstd around the stream.")
    var zstd = false

    @Option(name: .long, help: "The zstd level.")
    var zstdLevel = 1

    func validate() throws {
        guard !output.isEmpty else { throw ValidationError("-o takes a file, or -") }
        guard StreamOutput.zstdLevelRange.contains(zstdLevel) else {
            let range = StreamOutput.zstdLevelRange
            throw ValidationError("--zstd-level takes \(range.lowerBound) to \(range.upperBound)")
        }
    }

    /// A document and a stream can't both go to standard output.
    func validate(with report: ReportOptions) throws {
        guard !report.json || output != "-" else { throw ValidationError("--json needs -o FILE") }
    }

    /// Opens the output.
    func create(threads: BlockingThreads) async throws -> StreamOutput {
        try await StreamOutput.create(
            output, replacesExisting: force, zstdLevel: zstd ? zstdLevel : nil, threads: threads)
    }
}

extension StreamFormats {
    /// The format that the user named.
    static func parsed(_ name: String) throws -> any StreamFormat {
        guard let format = named(name) else {
            throw ValidationError("there is no format \(name); there are \(all.map(\.name).joined(separator: ", "))")
        }
        return format
    }
}

/// Tells the user what was not as it should be with the snapshots that were read.
func warn(pinFailure: StoreError?, leftBehind: LeftBehind?) {
    if let pinFailure { warn("its snapshots were not protected meanwhile: \(pinFailure.cause)") }
    if let leftBehind { warn(leftBehind.text) }
}

/// Tells the user about something that is no failure.
func warn(_ text: String) {
    writeToStandardError("rbd-ferry: warning: \(text)")
}
