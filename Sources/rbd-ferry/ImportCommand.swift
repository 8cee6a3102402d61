import Agent
import AgentConfiguration
import ArgumentParser
import FerryCore
import StreamFiles

/// `rbd-ferry import`
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Applies a stream to an image.",
        discussion: """
            Takes what `rbd export-diff`, `rbd merge-diff`, `rbd export --export-format 2` and `rbd-ferry export` \
            write, plain or inside of zstd.

            A diff from a snapshot goes onto an image that has this snapshot and was not written to since; a full \
            one makes the image, or goes onto an empty one. When anything is wrong, the image is left as it was. A \
            file is read through before the first write.
            """)

    @Argument(help: "A file, or - for standard input.")
    var file: String

    @Argument(help: "ceph:POOL[/NAMESPACE]/IMAGE or dir:FOLDER/IMAGE.")
    var spec: String

    @Option(name: .long, help: ArgumentHelp("Ceph: the pool for the data of an image that is made.", valueName: "pool"))
    var dataPool: String?

    @Flag(
        name: .long,
        help: "First bring the image back to what it was before an import that was killed; what came since is lost.")
    var restore = false

    @OptionGroup var storeOptions: StoreOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        guard (try? ImageSpec(spec))?.snapshot == nil else {
            throw ValidationError("an import goes to an image, not to a snapshot; the stream says what it leads to")
        }
    }

    func run() async throws {
        let spec = try ImageSpec(spec)
        let run = StreamRun(report)
        let input = try await StreamInput.open(file, threads: run.threads)
        let outcome = try await run.run(spec.image, isWaiting: { input.isWaiting }) {
            try await storeOptions.withStore(of: spec, dataPool: dataPool) { store in
                try await StreamImport(
                    to: spec.image, in: store, restoresUnfinished: restore, workers: run.threads, meter: run.meter
                ).run(input)
            }
        }
        await input.close()
        if !outcome.droppedMetadataKeys.isEmpty {
            warn("metadata that was not taken over: \(outcome.droppedMetadataKeys.joined(separator: ", ").printable)")
        }
        try await StreamReport(
            "imported", spec.image, formatName: outcome.formatName, outcome.diffs, duration: run.duration
        ).print(run)
    }
}
