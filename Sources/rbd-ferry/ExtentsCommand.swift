import Agent
import AgentConfiguration
import ArgumentParser
import FerryCore
import ImageStore
import Reporting
import StreamFiles

/// `rbd-ferry extents`
struct ExtentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extents", abstract: "Lists which parts of an image changed.",
        discussion: """
            One line an extent: offset and length in bytes, and whether it holds data or zeros. Data may turn out \
            to be zeros when read; zeros never hold data.
            """)

    @Argument(help: "ceph:POOL[/NAMESPACE]/IMAGE[@SNAP] or dir:FOLDER/IMAGE[@SNAP].")
    var spec: String

    @Option(name: .long, help: ArgumentHelp("Only what changed since this snapshot.", valueName: "snap"))
    var from: String?

    @Flag(name: .long, help: "Whole objects, from the object map; exact extents where there is none to trust.")
    var wholeObject = false

    @Option(name: .long, help: "How exact extents are found: hybrid (object map first) or exact.")
    var diff = DiffMode.hybrid

    @OptionGroup var storeOptions: StoreOptions
    @OptionGroup var report: ReportOptions

    func run() async throws {
        let spec = try ImageSpec(spec)
        let listing = ExtentListing(snapshot: spec.snapshot, base: from, mode: diff, wholeObjects: wholeObject)
        let run = StreamRun(report)
        let totals = try await run.run(spec.image, isWaiting: { run.standardOutput.isWaiting }) {
            try await storeOptions.withSource(of: spec) { image in
                var printer = ExtentPrinter(run.standardOutput, isJSON: report.json)
                try await printer.begin()
                let totals = try await listing.run(image, name: spec.image, meter: run.meter) { changed in
                    try await printer.print(changed)
                }
                try await printer.end(totals)
                return totals
            }
        }
        warn(pinFailure: totals.pinFailure, leftBehind: totals.leftBehind)
        guard !report.json, !report.quiet else { return }
        writeToStandardError(
            "\(totals.extentCount) extents: data \(Quantity.bytes(totals.dataByteCount)), zeros "
                + "\(Quantity.bytes(totals.zeroByteCount)), in an image of \(Quantity.bytes(totals.imageByteCount))")
    }
}

/// Prints extents as they come, so that none need be kept.
private struct ExtentPrinter {
    private let output: StandardOutput
    private let isJSON: Bool
    private var separator = "\n"

    init(_ output: StandardOutput, isJSON: Bool) {
        self.output = output
        self.isJSON = isJSON
    }

    func begin() async throws {
        let header = "\(Self.column("offset")) \(Self.column("length")) content\n"
        try await output.write(isJSON ? "{\"extents\": [" : header)
    }

    mutating func print(_ changed: ChangedExtent) async throws {
        let (offset, length) = (changed.extent.offset, changed.extent.byteCount)
        let content = changed.content == .data ? "data" : "zero"
        guard isJSON else {
            return try await output.write("\(Self.column("\(offset)")) \(Self.column("\(length)")) \(content)\n")
        }
        let entry = "{\"offset_bytes\": \(offset), \"length_bytes\": \(length), \"content\": \"\(content)\"}"
        try await output.write(separator + entry)
        separator = ",\n"
    }

    func end(_ totals: ExtentListing.Totals) async throws {
        if isJSON {
            try await output.write(
                """

                ],
                "extents_count": \(totals.extentCount), "data_bytes": \(totals.dataByteCount), \
                "zero_bytes": \(totals.zeroByteCount), "image_bytes": \(totals.imageByteCount)}

                """)
        }
        try await output.flush()
    }

    private static func column(_ text: String) -> String {
        String(repeating: " ", count: max(0, 16 - text.count)) + text
    }
}
