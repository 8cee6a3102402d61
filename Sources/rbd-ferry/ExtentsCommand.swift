import Agent
import ArgumentParser
import FerryCore
import ImageStore
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

    @Flag(name: .long, help: "Whole objects instead of exact extents: quick with an object map.")
    var wholeObject = false

    @Option(name: .long, help: "How exact extents are found: hybrid (object map first) or exact.")
    var diff = DiffMode.hybrid

    @OptionGroup var storeOptions: StoreOptions
    @OptionGroup var report: ReportOptions

    func run() async throws {
        let spec = try ImageSpec(spec)
        let listing = ExtentListing(snapshot: spec.snapshot, base: from, mode: diff, wholeObjects: wholeObject)
        let run = StreamRun(report)
        let totals = try await run.run(spec.image) {
            try await storeOptions.withSource(of: spec) { image in
                var printer = ExtentPrinter(isJSON: report.json)
                try printer.begin()
                let totals = try await listing.run(image, name: spec.image, meter: run.meter) { changed in
                    try printer.print(changed)
                }
                try printer.end(totals)
                return totals
            }
        }
        if let failure = totals.pinFailure { warn("its snapshots were not protected meanwhile: \(failure.cause)") }
        guard !report.json, !report.quiet else { return }
        writeToStandardError(
            "\(totals.extentCount) extents: data \(Quantity.bytes(totals.dataByteCount)), zeros "
                + "\(Quantity.bytes(totals.zeroByteCount)), in an image of \(Quantity.bytes(totals.imageByteCount))")
    }
}

/// Prints extents as they come, so that none need be kept.
private struct ExtentPrinter {
    let isJSON: Bool
    private var separator = "\n"

    init(isJSON: Bool) {
        self.isJSON = isJSON
    }

    func begin() throws {
        let header = "\(Self.column("offset")) \(Self.column("length")) content\n"
        try StandardOutput.write(isJSON ? "{\"extents\": [" : header)
    }

    mutating func print(_ changed: ChangedExtent) throws {
        let (offset, length) = (changed.extent.offset, changed.extent.byteCount)
        let content = changed.content == .data ? "data" : "zero"
        guard isJSON else {
            return try StandardOutput.write("\(Self.column("\(offset)")) \(Self.column("\(length)")) \(content)\n")
        }
        let entry = "{\"offset_bytes\": \(offset), \"length_bytes\": \(length), \"content\": \"\(content)\"}"
        try StandardOutput.write(separator + entry)
        separator = ",\n"
    }

    func end(_ totals: ExtentListing.Totals) throws {
        if isJSON {
            try StandardOutput.write(
                """

                ],
                "extents_count": \(totals.extentCount), "data_bytes": \(totals.dataByteCount), \
                "zero_bytes": \(totals.zeroByteCount), "image_bytes": \(totals.imageByteCount)}

                """)
        }
        try StandardOutput.flush()
    }

    private static func column(_ text: String) -> String {
        String(repeating: " ", count: max(0, 16 - text.count)) + text
    }
}
