import Engine
import FerryCore
import Foundation
import ImageStore
import Planning
import Reporting
import Synchronization

/// What a receiver knows about its mirrors, for those who ask how they stand.
final class ReceiverBoard: Sendable {
    fileprivate struct Key: Hashable {
        let mirror: String
        let client: String
    }
    fileprivate struct Entry {
        var published: PublishedState?
        var proofs = ProofStanding()
        var meter: TransferMeter?
        var rate = RateMeter()
        var error: ImageError?
        var totals = TransferTotals()
    }
    fileprivate struct State {
        var entries: [Key: Entry] = [:]
        var connectionCount = 0
        var refusedCount: UInt64 = 0
        var quietAlarms: [Alarm] = []
    }
    private let state = Mutex(State())
    /// Entries beyond which a failure makes no new one.
    fileprivate static let failedEntryCountMax = 10_000

    /// Notes what happened.
    func note(_ event: ReceiverEvent, now: Date) {
        let alarms = state.withLock { state in
            state.note(event, now: now)
            return state.entries.values.contains { $0.meter != nil } ? [] : state.quietAlarms
        }
        for alarm in alarms { alarm.ring() }
    }

    /// Notes a connection that did not get through its handshake, or was turned away.
    func noteRefused() { state.withLock { $0.refusedCount += 1 } }

    /// Notes what a mirror held when the agent started, and what was known about whether it equals its source.
    func noteFound(_ mirror: String, client: String, _ published: PublishedState, _ proofs: ProofRecord) {
        state.withLock { state in
            let key = Key(mirror: mirror, client: client)
            guard state.entries[key]?.published == nil else { return }
            state.entries[key, default: Entry()].published = published
            if state.entries[key]?.proofs == ProofStanding() { state.entries[key]?.proofs = ProofStanding(proofs) }
        }
    }

    /// Takes samples of the transfers under way; called every second.
    func tick() {
        state.withLock { state in
            for (key, entry) in state.entries {
                guard let meter = entry.meter else { continue }
                state.entries[key]?.rate.sample(meter.counts.contentByteCount, at: .now)
            }
        }
    }

    /// The transfers under way.
    var activities: [(mirror: String, meter: TransferMeter)] {
        state.withLock { state in
            state.entries.compactMap { entry in entry.value.meter.map { (entry.key.mirror, $0) } }
        }
    }

    /// Waits until no transfer is under way, or the task is cancelled.
    func untilQuiet() async {
        let alarm = Alarm()
        state.withLock { $0.quietAlarms.append(alarm) }
        while !activities.isEmpty, !Task.isCancelled { await alarm.wait(for: nil) }
    }

    /// Fills a status.
    func fill(_ status: inout AgentStatus) {
        let state = state.withLock { $0 }
        status.connectionCount = state.connectionCount
        status.refusedConnectionCount = state.refusedCount
        status.images = state.entries.map { key, entry in
            entry.status(mirror: key.mirror, client: key.client, now: status.now)
        }.sorted { ($0.image, $0.peer) < ($1.image, $1.peer) }
    }
}

extension ReceiverBoard.State {
    fileprivate mutating func note(_ event: ReceiverEvent, now: Date) {
        switch event {
        case .connected: connectionCount += 1
        case .disconnected: connectionCount -= 1
        case .receiving(let mirror, let client, _, let meter):
            change(mirror, client) { entry in
                entry.meter = meter
                entry.rate = RateMeter()
            }
        case .published(let mirror, let client, let pair, let time):
            change(mirror, client) { entry in
                entry.endTransfer(isGood: true)
                entry.error = nil
                let takenAt = SnapshotName.ownTime(pair.source.name) ?? time
                let isKnown = entry.published?.snapshot == pair.mirror.name
                entry.published = PublishedState(
                    snapshot: pair.mirror.name, takenAt: isKnown ? entry.published?.takenAt ?? takenAt : takenAt,
                    publishedAt: isKnown ? entry.published?.publishedAt : time)
            }
        case .failed(let mirror, let client, let error):
            // What a client only names must not cost memory without end.
            let isKnown = entries[ReceiverBoard.Key(mirror: mirror, client: client)] != nil
            guard isKnown || entries.count < ReceiverBoard.failedEntryCountMax else { return }
            change(mirror, client) { entry in
                entry.endTransfer(isGood: false)
                guard !(error is CancellationError) else { return }
                entry.error = ImageError(error, at: now, failureCount: (entry.error?.failureCount ?? 0) + 1)
            }
        case .proven(let mirror, let client, let record):
            change(mirror, client) { $0.proofs = ProofStanding(record) }
        case .pruned(let mirror, let snapshots):
            for key in entries.keys where key.mirror == mirror {
                entries[key]?.totals.removedSnapshots += UInt64(snapshots.count)
            }
        }
    }

    private mutating func change(_ mirror: String, _ client: String, _ body: (inout ReceiverBoard.Entry) -> Void) {
        body(&entries[ReceiverBoard.Key(mirror: mirror, client: client), default: ReceiverBoard.Entry()])
    }
}

extension ReceiverBoard.Entry {
    /// Adds what the transfer under way moved to the totals.
    fileprivate mutating func endTransfer(isGood: Bool) {
        defer { meter = nil }
        guard let meter else { return }
        let counts = meter.counts
        totals.add(meter.clock.times)
        totals.contentBytes += counts.contentByteCount
        totals.wireBytes += counts.sentByteCount
        totals.savedByResumeBytes += counts.savedContentByteCount
        totals.publishedSnapshots += isGood ? 1 : 0
        totals.succeededRuns += isGood ? 1 : 0
        totals.failedRuns += isGood ? 0 : 1
    }

    fileprivate func status(mirror: String, client: String, now: Date) -> ImageStatus {
        var status = ImageStatus(image: mirror, peer: client, state: imageState)
        status.lastPublished = published
        status.lagSeconds = published.map { max(0, now.timeIntervalSince($0.takenAt)) }
        status.baseAgeSeconds = status.lagSeconds
        status.lastError = error
        status.note(proofs)
        status.totals = totals
        guard let counts = meter?.counts else { return status }
        status.phase = counts.phase == .publishing ? counts.phase.rawValue : "receiving"
        let fraction = counts.imageByteCount > 0 ? Double(counts.watermark) / Double(counts.imageByteCount) : nil
        status.progress = TransferProgress(
            doneBytes: counts.contentByteCount, wireBytes: counts.sentByteCount,
            fraction: fraction.map { min($0, 1) }, bytesPerSecond: rate.perSecond ?? 0, secondsLeft: nil)
        return status
    }

    private var imageState: ImageState {
        if meter != nil { return .syncing }
        guard let error else { return published == nil ? .waiting : .inSync }
        return (Disposition(rawValue: error.disposition) ?? .permanent).imageState
    }
}
