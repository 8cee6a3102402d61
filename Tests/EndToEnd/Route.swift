/// A way for an image's history from one cluster into another, with rbd-ferry at one end at least.
enum Route: String, CaseIterable {
    case exportToImportDiff = "export, rbd import-diff"
    case exportDiffToImport = "rbd export-diff, import"
    case diffsOverFolder = "export, import into a folder, export, import"
    case exportDiffOverFolder = "rbd export-diff, import into a folder, export, rbd import-diff"
    case exportToStockImport = "export of an image, rbd import"
    case stockExportToImport = "rbd export, import"
    case imagesOverFolder = "export of an image, import into a folder, export, import"
    case stockExportOverFolder = "rbd export, import into a folder, export, rbd import"

    /// Whether it carries a whole image, and not a diff for each snapshot.
    var isOfImages: Bool {
        switch self {
        case .exportToStockImport, .stockExportToImport, .imagesOverFolder, .stockExportOverFolder: true
        default: false
        }
    }

    /// Whether a history is to take it: some ways only join pieces of others, so a few histories are enough.
    func isFor(_ history: History) -> Bool {
        switch self {
        case .exportDiffOverFolder, .stockExportOverFolder:
            [History.shrunkThenGrown, .noBytes, .sparse, .clone].contains { $0.name == history.name }
        default: true
        }
    }

    /// The folder that is on the way; nil when none is.
    func folder(_ stage: StreamStage) -> SiteImage? {
        switch self {
        case .diffsOverFolder, .exportDiffOverFolder, .imagesOverFolder, .stockExportOverFolder: stage.local(file)
        default: nil
        }
    }

    /// Brings all of `source` to `target`, which does not exist yet.
    func run(_ stage: StreamStage, _ history: History, _ source: SiteImage, _ target: SiteImage) async throws {
        // Stock rbd makes no image for a diff.
        if self == .exportToImportDiff || self == .exportDiffOverFolder { try await target.create(byteCount: 0) }
        for link in isOfImages ? [(from: nil, to: nil)] : history.links { try await run(stage, source, target, link) }
    }

    private func run(
        _ stage: StreamStage, _ source: SiteImage, _ target: SiteImage, _ link: (from: String?, to: String?)
    ) async throws {
        let path = stage.file("\(file)-\(link.to ?? "head")")
        let local = stage.local(file)
        switch self {
        case .exportToImportDiff:
            try await pass(source.ferryExport(at: link.to, from: link.from, "-q"), target.stockImportDiff())
        case .exportDiffToImport:
            try await source.stockExportDiff(at: link.to, from: link.from, to: path).run()
            try await target.ferryImport(path).run()
        case .diffsOverFolder:
            try await pass(source.ferryExport(at: link.to, from: link.from, "--diff", "exact"), local.ferryImport())
            try await pass(local.ferryExport(at: link.to, from: link.from, "--zstd"), target.ferryImport())
        case .exportDiffOverFolder:
            try await pass(source.stockExportDiff(at: link.to, from: link.from), local.ferryImport())
            try await local.ferryExport(at: link.to, from: link.from, "-o", path).run()
            try await target.stockImportDiff(path).run()
        case .exportToStockImport:
            try await source.ferryExport("--format", "image-v2", "-o", path).run()
            try await target.stockImport(path).run()
        case .stockExportToImport: try await pass(ShellCommand(["cat", stage.stockImage]), target.ferryImport())
        case .imagesOverFolder:
            try await pass(source.ferryExport("--format", "image-v2", "--zstd"), local.ferryImport())
            try await local.ferryExport("--format", "image-v2", "--zstd", "-o", path).run()
            try await target.ferryImport(path).run()
        case .stockExportOverFolder:
            try await local.ferryImport(stage.stockImage).run()
            try await pass(local.ferryExport("--format", "image-v2"), target.stockImport())
        }
    }

    private func pass(_ first: ShellCommand, _ second: ShellCommand) async throws {
        let outcome = try await ShellCommand.pipe(first, second)
        guard outcome.isGood else {
            throw RunningCommand.Failure(description: "\(rawValue): \(outcome.statuses): \(outcome.errors)")
        }
    }

    /// A name for what lies on the way.
    var file: String { "way-\(Self.allCases.firstIndex(of: self) ?? 0)" }
}

extension StreamStage {
    /// What `rbd export --export-format 2` wrote. Made before we export: it would hold the snapshot that we make of a
    /// head.
    var stockImage: String { file("stock-image") }
}
