import Agent
import Engine
import FerryCore
import Foundation
import Reporting

/// What `sync now` says about an image once it has ended.
enum SyncReport {
    /// Prints where the time of a transfer went, a little to the right; under `title` when that was not printed yet.
    static func printTiming(_ timing: TransferTiming, under title: String?) {
        if let title { Swift.print("\(title):") }
        for line in timing.lines { Swift.print("  \(line)") }
    }

    /// Prints a summary line for a success, cause and remedy for a failure.
    static func print(_ outcome: ImageOutcome, isQuiet: Bool, withPeer: Bool, withTiming: Bool) {
        let name = withPeer ? "\(outcome.image) to \(outcome.peer)" : outcome.image
        switch outcome.result {
        case .success(let steps):
            for step in steps {
                if !isQuiet { Swift.print("\(name): \(line(step, outcome.duration))") }
                if withTiming { printTiming(step.timing, under: isQuiet ? name : nil) }
            }
        case .failure(let error):
            FailureWords.tell(error, of: name, interrupted: "the transfer")
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
        try JSONDocument.text(Document(images: outcomes.map(ImageEntry.init)))
    }

    private struct Document: Encodable {
        let images: [ImageEntry]
    }

    private struct ImageEntry: Encodable {
        var image: String
        var peer: String
        var result: String
        var durationMs: Int64
        var snapshots: [StepEntry] = []
        var error: String?
        var remedy: String?

        init(_ outcome: ImageOutcome) {
            image = outcome.image
            peer = outcome.peer
            durationMs = outcome.duration.milliseconds
            switch outcome.result {
            case .success(let steps):
                result = "published"
                snapshots = steps.map(StepEntry.init)
            case .failure(let failure):
                let words = FailureWords(failure)
                (result, error, remedy) = (words.result, words.error, words.remedy)
            }
        }
    }

    private struct StepEntry: Encodable {
        var snapshot: String
        var snapshotId: UInt64
        var base: String?
        var wasPublished: Bool
        var sizeBytes: UInt64
        var readBytes: UInt64
        var contentBytes: UInt64
        var sentBytes: UInt64
        var savedByResumeBytes: UInt64
        var resumedAtOffset: UInt64
        var dataRecords: UInt64
        var durationMs: Int64
        var stages: StageTimes
        var bottleneck: Bottleneck

        init(_ step: SyncStepResult) {
            snapshot = step.target.name
            snapshotId = step.target.id
            base = step.base?.name
            wasPublished = step.wasPublished
            sizeBytes = step.counts.imageByteCount
            readBytes = step.counts.readByteCount
            contentBytes = step.counts.contentByteCount
            sentBytes = step.counts.sentByteCount
            savedByResumeBytes = step.counts.savedContentByteCount
            resumedAtOffset = step.counts.resumeOffset
            dataRecords = step.counts.dataRecordCount
            durationMs = step.duration.milliseconds
            stages = step.times
            bottleneck = step.timing.bottleneck
        }
    }
}
