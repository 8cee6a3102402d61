import Conversation
import FerryCore
import ImageStore
import Pipeline
import Planning

extension ImageProof {
    /// Compares a pair as the settings say, from where an earlier run of the same stopped, and tells both ends' records what
    /// was found.
    func prove(_ pair: ProvenPair, until deadline: ContinuousClock.Instant?) async throws -> ProofReport {
        meter.update { $0.phase = .preparing }
        let alarm = try await readRecord().alarm
        var also = LeafSet(leafCount: pair.leafCount)
        // What an alarm is about is looked at by every proof while it lasts.
        for extent in alarm?.differing ?? [] { also.insert(extent) }
        var since: SnapshotIdentity?
        if case .changed = settings.scope {
            let changed = try await ChangedLeaves.find(
                on: image, upTo: pair.snapshot.identity, leafCount: pair.leafCount)
            also.formUnion(changed.leaves)
            since = changed.since
        }
        let (begun, selection) = try await begin(pair, since, also)
        let compared = try await compare(pair, selection, from: begun, until: deadline, isStored: true)
        return try await conclude(compared, scope: settings.scope.description)
    }

    /// Compares leaves of a repaired snapshot; nil: all of them. Goes through to its end, and is made anew after a cut.
    func proveRepaired(_ pair: ProvenPair, leaves: LeafSet?) async throws -> ProofReport {
        let begun = UnfinishedProof(
            snapshot: pair.snapshot.identity, mirror: pair.mirror, scope: .full, seed: 0, since: nil,
            atSeconds: nowSeconds)
        let all = LeafSelection(
            .full, leafCount: pair.leafCount, seed: 0, also: LeafSet(leafCount: pair.leafCount))
        let selection = leaves.map { LeafSelection(only: $0) } ?? all
        let compared = try await compare(pair, selection, from: begun, until: nil, isStored: false)
        return try await conclude(compared, scope: leaves == nil ? ProofScope.full.description : "repair")
    }

    /// Where the proof begins, and what it is to go through.
    private func begin(
        _ pair: ProvenPair, _ since: SnapshotIdentity?, _ also: LeafSet
    ) async throws -> (UnfinishedProof, LeafSelection) {
        func selection(_ seed: UInt64) -> LeafSelection {
            LeafSelection(settings.scope, leafCount: pair.leafCount, seed: seed, also: also)
        }
        if let stored = try await readRecord().unfinished, !settings.startsAnew,
            stored.isSame(
                snapshot: pair.snapshot.identity, mirror: pair.mirror, scope: settings.scope, since: since)
        {
            let selection = selection(stored.seed)
            // One that has come to its end waits for its repair only.
            if settings.repairs || selection.next(from: stored.nextLeaf) != nil { return (stored, selection) }
        }
        let begun = UnfinishedProof(
            snapshot: pair.snapshot.identity, mirror: pair.mirror, scope: settings.scope,
            // 53 bits survive every reader of JSON.
            seed: settings.seed ?? UInt64.random(in: 0..<1 << 53), since: since, atSeconds: nowSeconds)
        return (begun, selection(begun.seed))
    }

    /// What a comparison came to.
    private struct Compared {
        let pair: ProvenPair
        let selection: LeafSelection
        let resumedByteCount: UInt64
        var progress: UnfinishedProof
        let isStored: Bool

        var isComplete: Bool { selection.next(from: progress.nextLeaf) == nil }
        /// Bytes behind what both ends have, or that are not in whole leaves of it.
        var tailByteCount: UInt64 { pair.imageByteCount - pair.comparableByteCount }
        var selectedByteCount: UInt64 {
            var byteCount = selection.count * Limits.digestLeafByteCount
            // The last leaf may be shorter.
            if let last = pair.leafCount.subtractingOne, selection.contains(last) {
                byteCount -= pair.leafCount * Limits.digestLeafByteCount - pair.comparableByteCount
            }
            return byteCount + tailByteCount
        }
    }

    private func compare(
        _ pair: ProvenPair, _ selection: LeafSelection, from begun: UnfinishedProof,
        until deadline: ContinuousClock.Instant?, isStored: Bool
    ) async throws -> Compared {
        var compared = Compared(
            pair: pair, selection: selection, resumedByteCount: begun.comparedByteCount, progress: begun,
            isStored: isStored)
        meter.update {
            $0.phase = .comparing
            $0.imageByteCount = pair.imageByteCount
            $0.toCompareByteCount = compared.selectedByteCount
            $0.comparedByteCount = begun.comparedByteCount
            $0.differingByteCount = begun.differing.byteCount
        }
        let delta = try await image.openDelta(from: nil, to: pair.snapshot.identity, mode: .exact)
        session.watchProof(meter)
        do {
            try await compare(delta, &compared, deadline)
            session.watchProof(nil)
            await delta.close()
        } catch {
            session.watchProof(nil)
            await delta.close()
            // What was compared need not be compared again, whatever ended this; nor may a cancelled task lose it.
            let unsaved = compared
            if unsaved.progress != begun { await Task { try? await store(unsaved) }.value }
            throw error
        }
        try await store(compared)
        return compared
    }

    private func compare(
        _ delta: any Delta, _ compared: inout Compared, _ deadline: ContinuousClock.Instant?
    ) async throws {
        let comparison = ProofComparison(
            session: session, digester: makeDigester(delta), selection: compared.selection,
            byteCount: compared.pair.comparableByteCount, deadline: deadline)
        var storedAt = ContinuousClock.now
        try await comparison.run(from: compared.progress.nextLeaf) { answered in
            if !answered.differing.isEmpty { try await checkStillThere(compared.pair.snapshot.identity) }
            let wasEqual = compared.progress.differing.isEmpty
            compared.progress.nextLeaf = answered.nextLeaf
            compared.progress.comparedByteCount += answered.byteCount
            for extent in answered.differing { compared.progress.differing.append(extent) }
            let progress = compared.progress
            meter.update {
                $0.comparedByteCount = progress.comparedByteCount
                $0.differingByteCount = progress.differing.byteCount
            }
            let isDue = ContinuousClock.now - storedAt >= settings.storingInterval
            if isDue || wasEqual && !progress.differing.isEmpty {
                try await store(compared)
                storedAt = .now
            }
        }
    }

    private func makeDigester(_ delta: any Delta) -> GrainDigester {
        var digester = GrainDigester.source(delta, pacing: settings.pacing, workers: workers, meter: meter)
        digester.onRead = { [meter] byteCount in meter.update { $0.readByteCount += byteCount } }
        return digester
    }

    /// Whether this proof's place may stand where that of another is: one that takes long goes on some day, although changes
    /// are proven after each sync meanwhile.
    private func mayReplace(_ other: UnfinishedProof?) -> Bool {
        switch (other?.scope, settings.scope) {
        case (nil, _), (.changed, _): true
        case (_, .changed): settings.repairs
        default: true
        }
    }

    /// Stores how far it came, and what was found at once as an alarm.
    private func store(_ compared: Compared) async throws {
        try await checkStillThere(compared.pair.snapshot.identity)
        var record = try await readRecord()
        let (progress, pair) = (compared.progress, compared.pair)
        if compared.isStored, mayReplace(record.unfinished) {
            record.unfinished = progress
            record.unfinished?.atSeconds = nowSeconds
        }
        if !progress.differing.isEmpty {
            record.raise(
                progress.differing, snapshot: pair.snapshot.identity, mirror: pair.mirror, atSeconds: nowSeconds)
        }
        try await image.setState(record, stateKey)
    }

    /// Tells both ends' records what a comparison showed.
    private func conclude(_ compared: Compared, scope: String) async throws -> ProofReport {
        let (pair, progress) = (compared.pair, compared.progress)
        let before = try await readRecord()
        var (differing, comparedByteCount) = (progress.differing, progress.comparedByteCount)
        if compared.isComplete, compared.tailByteCount > 0 {
            let tail = Extent(offset: pair.comparableByteCount, byteCount: compared.tailByteCount)
            differing.append(tail)
            comparedByteCount += tail.byteCount
        }
        let isWhole = comparedByteCount == pair.imageByteCount
        let endsAlarm =
            compared.isComplete && differing.isEmpty && (isWhole || before.alarm?.extents.isWhole == true)
            && before.endsAlarm(provenAs: pair.snapshot.identity, mirror: pair.mirror)
        let result = ProofResult(
            scope: scope, imageByteCount: pair.imageByteCount, comparedByteCount: comparedByteCount,
            differingByteCount: differing.byteCount, differing: differing.extents, endsAlarm: endsAlarm)
        _ = try await session.conclude(result)
        let summary = ProofSummary(
            snapshot: pair.snapshot.identity, mirror: pair.mirror, atSeconds: nowSeconds, scope: scope,
            imageByteCount: pair.imageByteCount, comparedByteCount: comparedByteCount,
            differingByteCount: differing.byteCount)
        // Another proof may have stored something while the receiver did: what it raised stays.
        var record = try await readRecord()
        record.note(summary, differing, endsAlarm: endsAlarm && record.alarm == before.alarm)
        let awaitsRepair = settings.repairs && !differing.isEmpty
        if compared.isStored, compared.isComplete, !awaitsRepair, mayReplace(record.unfinished) {
            record.unfinished = nil
        }
        if !compared.isStored, differing.isEmpty { record.unfinished = nil }
        try await image.setState(record, stateKey)
        return ProofReport(
            snapshot: pair.snapshot.identity, mirror: pair.mirror, scope: settings.scope,
            changedSince: progress.since, imageByteCount: pair.imageByteCount,
            selectedByteCount: compared.selectedByteCount, comparedByteCount: comparedByteCount,
            resumedByteCount: compared.resumedByteCount, isComplete: compared.isComplete,
            differing: differing.extents, differingByteCount: differing.byteCount, repaired: nil, sentByteCount: 0,
            isAlarmed: record.alarm != nil, duration: .zero)
    }
}

extension UInt64 {
    /// One less; nil of 0.
    fileprivate var subtractingOne: UInt64? { self == 0 ? nil : self - 1 }
}
