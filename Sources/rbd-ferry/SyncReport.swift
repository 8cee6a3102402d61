import Agent
import Engine
import FerryCore
import Foundation

/// What `sync now` says about an image once it has ended.
enum SyncReport {
    /// Prints a summary line for a success, cause and remedy for a failure.
    static func print(_ outcome: ImageOutcome, isQuiet: Bool, withPeer: Bool) {
        let name = withPeer ? "\(outcome.image) to \(outcome.peer)" : outcome.image
        switch outcome.result {
        case .success(let steps):
            guard !isQuiet else { return }
            for step in steps { Swift.print("\(name): \(line(step, outcome.duration))") }
        case .failure(let error):
            let failure = error as? any Failure
            let isCancelled = error is CancellationError
            writeToStandardError("\(name): \(isCancelled ? "interrupted" : failure?.cause ?? "\(error)")")
            let remedy = isCancelled ? "run again; the transfer goes on where it stopped" : failure?.remedy ?? ""
            if !remedy.isEmpty { writeToStandardError("  \(remedy)") }
        }
    }

    private static func line(_ step: SyncStepResult, _ duration: Duration) -> String {
        let time = "\(Quantity.seconds(duration)) s"
        guard !step.wasPublished else { return "\(step.target.name) is on the mirror already, \(time)" }
        let counts = step.counts
        let ratio = counts.sentByteCount > 0 ? Double(counts.contentByteCount) / Double(counts.sentByteCount) : 1
        return "\(step.target.name) published (\(step.base.map { "from \($0.name)" } ?? "full copy")): "
            + "read \(Quantity.bytes(counts.readByteCount)), sent \(Quantity.bytes(counts.sentByteCount)) "
            + "(ratio \(Quantity.decimal(ratio))), "
            + "saved by resume \(Quantity.bytes(counts.savedContentByteCount)), \(time)"
    }

    /// All outcomes as one JSON document with stable names.
    static func json(_ outcomes: [ImageOutcome]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let document = Document(images: outcomes.map(ImageEntry.init))
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }

    private struct Document: Encodable {
        let images: [ImageEntry]
    }

    private struct ImageEntry: Encodable {
        var image: String
        var peer: String
        var result: String
        var duration_ms: Int64
        var snapshots: [StepEntry] = []
        var error: String?
        var remedy: String?

        init(_ outcome: ImageOutcome) {
            image = outcome.image
            peer = outcome.peer
            duration_ms = outcome.duration.milliseconds
            switch outcome.result {
            case .success(let steps):
                result = "published"
                snapshots = steps.map(StepEntry.init)
            case .failure(let failure as any Failure):
                result = failure.disposition.rawValue
                error = failure.cause
                remedy = failure.remedy
            case .failure(let other):
                result = other is CancellationError ? "interrupted" : "permanent"
                error = "\(other)"
            }
        }
    }

    private struct StepEntry: Encodable {
        var snapshot: String
        var snapshot_id: UInt64
        var base: String?
        var was_published: Bool
        var size_bytes: UInt64
        var read_bytes: UInt64
        var content_bytes: UInt64
        var sent_bytes: UInt64
        var saved_by_resume_bytes: UInt64
        var resumed_at_offset: UInt64
        var data_records: UInt64

        init(_ step: SyncStepResult) {
            snapshot = step.target.name
            snapshot_id = step.target.id
            base = step.base?.name
            was_published = step.wasPublished
            size_bytes = step.counts.imageByteCount
            read_bytes = step.counts.readByteCount
            content_bytes = step.counts.contentByteCount
            sent_bytes = step.counts.sentByteCount
            saved_by_resume_bytes = step.counts.savedContentByteCount
            resumed_at_offset = step.counts.resumeOffset
            data_records = step.counts.dataRecordCount
        }
    }
}

/// Numbers with units, for people.
enum Quantity {
    /// `12.3 MiB`
    static func bytes(_ count: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(decimal(value, digits: 1)) \(units[unit])"
    }

    /// A number with two digits behind the point.
    static func decimal(_ value: Double, digits: Int = 2) -> String {
        String(format: "%.\(digits)f", value)
    }

    /// Seconds with two digits behind the point.
    static func seconds(_ duration: Duration) -> String {
        decimal(Double(duration.milliseconds) / 1000)
    }

    /// `1:02:03` or `2:03`
    static func clock(_ seconds: Int) -> String {
        let (hours, rest) = seconds.quotientAndRemainder(dividingBy: 3600)
        let text = String(format: hours > 0 ? "%02d:%02d" : "%d:%02d", rest / 60, rest % 60)
        return hours > 0 ? "\(hours):\(text)" : text
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
