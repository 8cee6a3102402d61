import Agent
import Engine
import FerryCore
import Planning
import Reporting

/// What `verify` says about an image's mirror.
enum VerifyReport {
    /// Prints a line for what is equal; for a difference and for a failure what to do, too.
    static func print(_ outcome: ProofOutcome, isQuiet: Bool, withPeer: Bool) {
        let name = (withPeer ? "\(outcome.image) to \(outcome.peer)" : outcome.image).printable
        switch outcome.result {
        case .success(nil):
            if !isQuiet { Swift.print("\(name): no alarm any more") }
        case .success(let report?) where report.differs:
            writeToStandardError("\(name): \(differenceLine(report))")
            writeToStandardError("  \(ProofReport.remedy(image: outcome.image, peer: outcome.peer).printable)")
        case .success(let report?):
            guard !isQuiet else { return }
            Swift.print("\(name): \(line(report))")
            if report.isAlarmed {
                Swift.print("  the alarm of an earlier difference stands: --repair or --clear-alarm ends it")
            }
        case .failure(let error):
            FailureWords.tell(error, of: name, interrupted: "it")
        }
    }

    private static func line(_ report: ProofReport) -> String {
        let pair = "\(report.snapshot.name.printable) and the mirror's \(report.mirror.name.printable)"
        if let repaired = report.repaired {
            return "\(pair) differed in \(ranges(report)); mended by the mirror's new snapshot "
                + "\(repaired.name.printable), which is proven: sent \(Quantity.bytes(report.sentByteCount)), "
                + amounts(report)
        }
        guard !report.isComplete else { return "\(pair) are equal: \(amounts(report))" }
        return "\(pair) are equal so far: \(amounts(report)); time is up, and the next run goes on there"
    }

    private static func differenceLine(_ report: ProofReport) -> String {
        let rest = report.isComplete ? "" : "; time is up, and the next run goes on there"
        return "\(report.snapshot.name.printable) and the mirror's \(report.mirror.name.printable) DIFFER in "
            + "\(ranges(report)): \(amounts(report))\(rest)"
    }

    /// `131072 bytes at 1048576+65536 1073741824+65536`
    private static func ranges(_ report: ProofReport) -> String {
        let first = report.differing.prefix(5).map { "\($0.offset)+\($0.byteCount)" }
        let more = report.differing.count > first.count ? " ..." : ""
        return "\(report.differingByteCount) bytes at \(first.joined(separator: " "))\(more)"
    }

    /// `full, compared 8.0 GiB of 8.0 GiB (100%), 1.0 GiB of it earlier, 12.30 s, 650.0 MiB/s`
    private static func amounts(_ report: ProofReport) -> String {
        let resumed =
            report.resumedByteCount > 0 ? ", \(Quantity.bytes(report.resumedByteCount)) of it earlier" : ""
        let seconds = max(report.duration / .seconds(1), 0.001)
        let fresh = Double(report.comparedByteCount) - Double(report.resumedByteCount)
        let percent = Quantity.decimal(report.comparedRatio * 100, digits: report.comparedRatio < 0.1 ? 2 : 0)
        return "\(report.scope), compared \(Quantity.bytes(report.comparedByteCount)) of "
            + "\(Quantity.bytes(report.imageByteCount)) (\(percent)%)\(resumed), "
            + "\(Quantity.seconds(report.duration)) s, \(Quantity.rate(max(fresh, 0) / seconds))"
    }

    /// All outcomes as one JSON document with stable names.
    static func json(_ outcomes: [ProofOutcome]) throws -> String {
        try JSONDocument.text(Document(images: outcomes.map(Entry.init)))
    }

    /// Throws the exit status. A difference counts more than whatever became of other images.
    static func checkStatus(_ outcomes: [ProofOutcome]) throws {
        let differs = outcomes.contains { outcome in
            if case .success(let report?) = outcome.result { report.differs } else { false }
        }
        guard !differs else { throw ExitStatus(.differs) }
        try ExitStatus.check(outcomes.compactMap(\.failure), of: outcomes.count)
    }

    private struct Document: Encodable {
        let images: [Entry]
    }

    private struct Entry: Encodable {
        var image: String
        var peer: String
        /// `equal`, `unfinished` (equal so far), `differs`, `repaired`, `cleared`, or what kind of failure it is.
        var result: String
        var durationMs: Int64
        var snapshot: String?
        var snapshotId: UInt64?
        var mirrorSnapshot: String?
        var mirrorSnapshotId: UInt64?
        var scope: String?
        var isComplete: Bool?
        var imageBytes: UInt64?
        var selectedBytes: UInt64?
        var comparedBytes: UInt64?
        var comparedRatio: Double?
        var resumedBytes: UInt64?
        var differingBytes: UInt64?
        var differing: [ProofAlarmStatus.Range]?
        var repairedSnapshot: String?
        var sentBytes: UInt64?
        var isAlarmed: Bool?
        var error: String?
        var remedy: String?

        init(_ outcome: ProofOutcome) {
            image = outcome.image
            peer = outcome.peer
            durationMs = outcome.duration.milliseconds
            switch outcome.result {
            case .success(nil): result = "cleared"
            case .success(let report?):
                result = report.word
                note(report)
                if report.differs { remedy = ProofReport.remedy(image: image, peer: peer) }
            case .failure(let failure):
                let words = FailureWords(failure)
                (result, error, remedy) = (words.result, words.error, words.remedy)
            }
        }

        private mutating func note(_ report: ProofReport) {
            (snapshot, snapshotId) = (report.snapshot.name, report.snapshot.id)
            (mirrorSnapshot, mirrorSnapshotId) = (report.mirror.name, report.mirror.id)
            scope = report.scope.description
            isComplete = report.isComplete
            imageBytes = report.imageByteCount
            selectedBytes = report.selectedByteCount
            comparedBytes = report.comparedByteCount
            comparedRatio = report.comparedRatio
            resumedBytes = report.resumedByteCount
            differingBytes = report.differingByteCount
            differing = report.differing.map { ProofAlarmStatus.Range($0) }
            repairedSnapshot = report.repaired?.name
            sentBytes = report.sentByteCount
            isAlarmed = report.isAlarmed
        }
    }
}

extension ProofReport {
    /// Whether something differs that was not mended.
    fileprivate var differs: Bool { differingByteCount > 0 && repaired == nil }

    /// For programs: what it shows.
    fileprivate var word: String {
        if differs { return "differs" }
        if repaired != nil { return "repaired" }
        return isComplete ? "equal" : "unfinished"
    }

    /// How much of the image was compared, from 0 to 1.
    fileprivate var comparedRatio: Double { Quantity.share(comparedByteCount, of: imageByteCount) }
}
