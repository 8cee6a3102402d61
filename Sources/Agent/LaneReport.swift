import Control
import Engine
import FerryCore
import Foundation
import Planning
import Reporting

/// What a lane remembers for those who ask how it stands. A value.
struct LaneReport: Sendable {
    private enum Standing {
        case nothing
        case good
        case failed(ImageError, Disposition)
        case elsewhere(ImageError)
    }
    private let key: LaneKey
    /// The newest snapshot that both ends hold.
    var published: PublishedState?
    /// Since when runs to the peer fail; nil when they don't.
    var failingSince: Date?
    /// What is known about whether the mirror equals the image.
    var proofs = ProofStanding()
    /// Why the last proof came to no end; nil when it did.
    var proofError: (any Error)?
    private var standing = Standing.nothing
    private var totals = TransferTotals()
    private var lastTransfer: TransferTiming?
    private var rate = RateMeter()
    private var warnings: [String] = []
    /// About the changes that were listed last.
    private var diffWarnings: [String] = []

    /// A report of a lane of which nothing is known yet.
    init(_ key: LaneKey) {
        self.key = key
    }

    /// A run begins.
    mutating func began() { rate = RateMeter() }

    /// Takes note of a run's counts.
    mutating func sample(_ counts: TransferMeter.Counts) {
        rate.sample(counts.phase == .comparing ? counts.comparedByteCount : counts.readByteCount, at: .now)
    }

    /// A run ended well.
    mutating func succeeded(_ outcome: LaneRun.Outcome, now: Date) {
        standing = .good
        failingSince = nil
        totals.succeededRuns += 1
        lastTransfer = outcome.steps.timing ?? lastTransfer
        for step in outcome.steps {
            count(step.counts)
            totals.add(step.times.ofReceiver(false))
            if !step.wasPublished { totals.publishedSnapshots += 1 }
        }
        if let newest = outcome.published {
            let isNew = outcome.steps.contains { $0.target == newest.identity }
            published = PublishedState(
                snapshot: newest.identity.name, takenAt: newest.takenAt,
                publishedAt: isNew ? now : published?.publishedAt)
        }
        note(outcome)
    }

    private mutating func note(_ outcome: LaneRun.Outcome) {
        if let warnings = outcome.diffWarnings { diffWarnings = warnings.map(\.description) }
        switch outcome.proof {
        case .failure(let error) where !(error is CancellationError): proofError = error
        case .success: proofError = nil
        case .failure, nil: break
        }
        note(outcome.pruning)
    }

    /// A run failed, or was cut short, that had the image's lease.
    mutating func note(_ failed: LaneRun.Failed) {
        failingSince = failed.failingSince ?? failingSince
        note(failed.pruning)
    }

    private mutating func note(_ pruning: LaneRun.Pruning) {
        switch pruning {
        case .success(let result):
            totals.removedSnapshots += UInt64(result.removed.count)
            warnings = result.bases.texts
        case .failure(is CancellationError): break
        case .failure(let error): warnings = ["old snapshots stay: \(error.oneLine)"]
        }
    }

    /// A run failed.
    mutating func failed(_ error: any Error, _ meter: TransferMeter, failureCount: Int, now: Date) {
        let disposition = (error as? any Failure)?.disposition ?? .permanent
        standing = .failed(ImageError(error, at: now, failureCount: failureCount), disposition)
        totals.failedRuns += 1
        interrupted(meter)
    }

    /// A run was cut short by a stop.
    mutating func interrupted(_ meter: TransferMeter) {
        count(meter.counts)
        totals.add(meter.clock.times)
    }

    /// Another agent has the image.
    mutating func elsewhere(_ error: LeaseHeldElsewhere, now: Date) {
        standing = .elsewhere(ImageError(error, at: now, failureCount: 0))
        // What is held is its to tell.
        warnings = []
    }

    private mutating func count(_ counts: TransferMeter.Counts) {
        totals.readBytes += counts.readByteCount
        totals.contentBytes += counts.contentByteCount
        totals.wireBytes += counts.sentByteCount
        // The peer's word: no sum of such may trap.
        let (saved, isTooMuch) = totals.savedByResumeBytes.addingReportingOverflow(counts.savedContentByteCount)
        totals.savedByResumeBytes = isTooMuch ? .max : saved
    }

    /// How the lane stands; `running` are the counts of the run under way, `proving` those of a proof between runs.
    func status(
        schedule: Schedule?, nextRun: Date?, running: TransferMeter.Counts?, proving: TransferMeter.Counts?, now: Date
    ) -> ImageStatus {
        var status = ImageStatus(image: key.image, peer: key.peer, state: state(isRunning: running != nil))
        status.phase = running?.phase.rawValue ?? proving.map { _ in "proving" }
        status.lastPublished = published
        status.lagSeconds = published.map { max(0, now.timeIntervalSince($0.takenAt)) }
        status.intervalSeconds = schedule?.interval(after: now)
        status.isLate = published.map { schedule?.isLate(publishedAt: $0.takenAt, now: now) ?? false } ?? false
        status.nextRunAt = running == nil ? nextRun : nil
        status.progress = (running ?? proving).flatMap(progress)
        status.note(proofs)
        status.lastTransfer = lastTransfer
        if case .failed(let error, _) = standing { status.lastError = error }
        if case .elsewhere(let error) = standing { status.lastError = error }
        status.baseAgeSeconds = status.lagSeconds
        status.failingSeconds = failingSince.map { max(0, now.timeIntervalSince($0)) }
        status.warnings = warnings + diffWarnings
        if let proofError {
            let remedy = (proofError as? any Failure)?.remedy ?? ""
            status.warnings.append("could not be proven: \(proofError.oneLine)\(remedy.isEmpty ? "" : ": \(remedy)")")
        }
        status.totals = totals
        return status
    }

    private func state(isRunning: Bool) -> ImageState {
        guard !isRunning else { return .syncing }
        switch standing {
        case .nothing: return published == nil ? .waiting : .inSync
        case .good: return .inSync
        case .elsewhere: return .elsewhere
        case .failed(_, let disposition): return disposition.imageState
        }
    }

    private func progress(_ counts: TransferMeter.Counts) -> TransferProgress? {
        guard [.sending, .comparing, .publishing].contains(counts.phase) else { return nil }
        let fraction = min(counts.fraction, 1)
        let perSecond = rate.perSecond ?? 0
        let done = counts.phase == .comparing ? counts.comparedByteCount : counts.readByteCount
        let left =
            perSecond > 0 && fraction > 0.01
            ? Double(done) * (1 - fraction) / fraction / perSecond : nil
        return TransferProgress(
            doneBytes: done, wireBytes: counts.sentByteCount, fraction: fraction,
            bytesPerSecond: perSecond, secondsLeft: left)
    }

    /// What is answered to those who waited for a run.
    func outcome(
        of result: Result<LaneRun.Outcome, any Error>, _ duration: Duration, now: Date
    ) -> SyncReply.Outcome {
        switch result {
        case .success(let outcome):
            return SyncReply.Outcome(
                snapshot: outcome.published?.identity.name, error: nil, durationMs: duration.milliseconds,
                readBytes: outcome.steps.reduce(0) { $0 + $1.counts.readByteCount },
                sentBytes: outcome.steps.reduce(0) { $0 + $1.counts.sentByteCount }, timing: outcome.steps.timing)
        case .failure(let error):
            return SyncReply.Outcome(
                snapshot: nil, error: ImageError(error, at: now, failureCount: 0), durationMs: duration.milliseconds)
        }
    }
}

extension HeldBases {
    /// What operators should know about the bases that are held in vain.
    fileprivate var texts: [String] {
        warnings.map { "\($0.base.name) has been held for \($0.peer) in vain for \($0.age)" }
            + givenUp.map {
                "\($0.base.name) is held for \($0.peer) no longer, after \($0.age) in vain: "
                    + "its next sync may have no base; `sync now --reconcile` does without"
            }
    }
}

extension HeldBases.Absence {
    /// How long it has been held in vain, in days or hours.
    fileprivate var age: String {
        seconds >= 172_800 ? "\(seconds / 86_400) days" : "\(seconds / 3600) h"
    }
}

extension RetainedSnapshot {
    /// When the source was as it shows: our own names tell, by the clock of who made them.
    var takenAt: Date { SnapshotName.ownTime(identity.name) ?? time }
}

extension ImageError {
    /// An error as operators read it.
    init(_ error: any Error, at time: Date, failureCount: Int) {
        let failure = error as? any Failure
        self.init(
            cause: error.oneLine, remedy: failure?.remedy ?? "",
            disposition: (failure?.disposition ?? .permanent).rawValue, at: time, failureCount: failureCount)
    }
}
