import Compression
import Conversation
import FerryCore
import ImageStore
import OpenSSL
import Pipeline
import Planning

extension ImageSync {
    /// Sends a delta from `watermark` on, with base and target protected, and waits until the target is published.
    func transmit(
        _ transfer: TransferIdentity, _ inFlight: SenderRecord.InFlight, from watermark: UInt64, _ early: EarlyDelta?
    ) async throws -> Committed {
        let isTargetProtected: Bool
        do {
            isTargetProtected = try await meter.clock.time(.prepare) { try await begin(transfer, inFlight) }
        } catch {
            await early?.delta.close()
            throw error
        }
        let (delta, estimate) = try await meter.clock.time(.prepare) {
            try await open(transfer, from: watermark, early)
        }
        let committed: Committed
        do {
            meter.update {
                $0.phase = .sending
                $0.imageByteCount = delta.byteCount
                $0.estimatedByteCount = estimate
            }
            committed = try await stream(delta, transfer, isTargetProtected, from: watermark)
        } catch {
            await delta.close()
            throw error
        }
        await delta.close()
        return committed
    }

    /// Stores that the transfer is begun, and makes base and target undeletable. True when the user had the
    /// target protected already.
    private func begin(_ transfer: TransferIdentity, _ inFlight: SenderRecord.InFlight) async throws -> Bool {
        let used = [transfer.base, transfer.target].compactMap(\.self)
        var record = try await readRecord()
        try await unpinAll(except: used, &record)
        let pinned = Set(try await image.snapshots().filter(\.isPinned).map(\.identity))
        record.inFlight = inFlight
        record.heardAtSeconds = Int64(now().timeIntervalSince1970)
        let isTargetProtected = pinned.contains(transfer.target) && !record.pins.contains(transfer.target)
        // Noted before they are made: a pin that we forget would stay for ever.
        record.pins += used.filter { !pinned.contains($0) && !record.pins.contains($0) }
        let pins = used.filter { !pinned.contains($0) }.map { SourceChange.pin($0) }
        try await image.carryOut([.setState(record, stateKey)] + pins)
        return isTargetProtected
    }

    private func stream(
        _ delta: any Delta, _ transfer: TransferIdentity, _ isTargetProtected: Bool, from watermark: UInt64
    ) async throws -> Committed {
        session.beginTransfer(
            checkpointByteCount: settings.checkpointByteCount, meter: meter, throttles: settings.pacing.sending)
        var sender = DeltaSender(
            delta: delta, transfer: transfer, isTargetProtected: isTargetProtected, workers: workers,
            compression: CompressionControl(settings.compression, meter: meter), meter: meter,
            pacing: settings.pacing)
        switch transfer.mode {
        case .hybrid, .exact: break
        case .full: sender.list = WholeImage(byteCount: delta.byteCount).extents
        case .compare:
            let comparison = compare(delta)
            let onDifference = onDifference
            sender.list = { offset in
                let batch = try await comparison.extents(from: offset)
                for changed in batch.extents { onDifference(changed.extent) }
                return batch
            }
            do {
                let committed = try await stream(sender, from: watermark)
                await comparison.close()
                return committed
            } catch {
                await comparison.close()
                throw error
            }
        }
        return try await stream(sender, from: watermark)
    }

    private func compare(_ delta: any Delta) -> DigestComparison {
        let digester = GrainDigester.source(delta, pacing: settings.pacing, workers: workers, meter: meter)
        return DigestComparison(byteCount: delta.byteCount, digester: digester) { [session] in
            try await session.ask($0, grainByteCount: $1, isFolded: false)
        }
    }

    private func stream(_ sender: DeltaSender, from watermark: UInt64) async throws -> Committed {
        var totals = RunningTotals()
        try await sender.run(from: watermark) { block in
            try await session.send(block)
            totals.add(
                recordCount: block.recordCount, contentByteCount: block.contentByteCount, blockDigest: block.digest,
                hash: { SHA256Digest.digest($0.span) })
            meter.update { counts in
                counts.contentByteCount += UInt64(block.contentByteCount)
                counts.sentByteCount += UInt64(block.wire.byteCount)
                counts.dataRecordCount += block.dataRecordCount
                counts.sentOffset = block.end
            }
        } settle: { offset in
            try await session.settle(to: offset)
            meter.update { $0.sentOffset = offset }
        } recheck: {
            try await meter.clock.time(.prepare) { try await checkStillThere(sender.transfer) }
        }
        meter.update { $0.phase = .publishing }
        let committed = try await meter.clock.time(.publish) { try await session.end(totals.totals) }
        meter.update { $0.phase = .acknowledging }
        return committed
    }

    /// Throws unless base and target are both still there by id: then they were there during every read.
    private func checkStillThere(_ transfer: TransferIdentity) async throws {
        let present = Set(try await image.snapshots().map(\.identity.id))
        for snapshot in [transfer.base, transfer.target].compactMap(\.self) where !present.contains(snapshot.id) {
            throw EngineError.snapshotGone(snapshot, image: name)
        }
    }
}
