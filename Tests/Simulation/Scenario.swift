import Conversation
import Engine
import FerryCore
import ImageStore
import MemoryStore
import Planning
import TestSupport

/// What happens in a seed's run: rounds of syncs with all that can happen to them, and then, with nothing in the way any
/// more, syncs until both sides are equal.
struct Scenario {
    let world: World

    /// Runs it.
    func run() async {
        world.source.addImage(
            "vm", contents: [UInt8](repeating: 0, count: Int(world.settings.imageByteCount)))
        for _ in 0..<4 { world.changeSource(.writeSource) }
        world.startReceiver()
        for round in 0..<Int(1 + world.generator.next() % 4) {
            world.note("round \(round)")
            await runRound()
            world.history.checkPublishedStays()
            guard world.history.violation == nil else { return }
            await VirtualExecutor.shared.wait(.milliseconds(Int64(world.generator.next() % 100_000)))
        }
        await converge()
        world.history.checkPublishedStays()
    }

    private func runRound() async {
        for _ in 0..<world.generator.next() % 3 {
            await world.perform(.random(&world.generator, isBetweenRounds: true))
        }
        world.changeSource(.writeSource)
        // Otherwise little would happen to a pair after it was broken once.
        if let conflict = world.lastConflict, !conflict.isAboutTarget, world.generator.next() % 4 > 0 {
            await world.remedy(conflict)
        }
        world.lastConflict = nil
        switch world.generator.next() % 12 {
        case 0: await runWithLoss()
        case 1: await runWithOtherVersion()
        default: await runWithFaults()
        }
        world.isFaulty = false
        world.pending = []
        world.showChanges()
    }

    /// Tries, one or two senders at a time, while things happen.
    private func runWithFaults() async {
        world.isFaulty = world.generator.next() % 4 > 0
        let isFaulty = world.isFaulty
        for _ in 0...world.generator.next() % 3 {
            for _ in 0..<world.generator.next() % 4 {
                world.plan(
                    .random(&world.generator, isBetweenRounds: false),
                    afterOperations: Int(world.generator.next() % 120))
            }
            await withTaskGroup(of: Void.self) { group in
                let count = world.generator.next() % 6 == 0 ? 2 : 1
                for _ in 0..<count { group.addTask { await attempt(isFaulty: isFaulty) } }
            }
            await VirtualExecutor.shared.wait(.milliseconds(Int64(world.generator.next() % 20_000)))
        }
    }

    private func attempt(isFaulty: Bool) async {
        if world.generator.next() % 4 > 0 { await world.untilReceiverIsUp() }
        let process = world.process("sender")
        world.senders = world.senders.filter(\.isAlive).suffix(3) + [process]
        if isFaulty, world.generator.next() % 6 == 0 { process.stepsLeft = Int(world.generator.next() % 150) }
        process.diesSilently = world.generator.next() % 2 == 0
        var run = SenderRun(world: world, process: process)
        let endsEarly = isFaulty && world.generator.next() % (world.settings.imageByteCount > 1 << 20 ? 1 : 3) == 0
        run.link = .random(
            &world.generator, isFaulty: endsEarly, contentByteCount: Int(world.settings.imageByteCount))
        run.mode = DiffMode.tested.random(&world.generator)
        run.lostBaseMode = [nil, nil, nil, .compare, .full].random(&world.generator)
        run.link.isRecorded = world.settings.isRecorded
        run.kind = world.settings.isAgent ? .scheduled : .sync(snapshot: nil)
        if world.generator.next() % 6 == 0 {
            if world.generator.next() % 2 == 0 { await world.perform(.makeUserSnapshot) }
            run.kind = .sync(snapshot: ["daily", "weekly"].random(&world.generator))
        }
        let isDamaged = world.isDamaged
        if world.generator.next() % (isDamaged ? 3 : 8) == 0 {
            run.kind = isDamaged && world.generator.next() % 8 == 0 ? .clear : .proof(world.randomProof())
        }
        _ = await finish(run)
    }

    /// Runs it in its process; the error if there was one.
    private func finish(_ run: SenderRun) async -> (any Error)? {
        let task = SimulatedProcess.$current.withValue(run.process) {
            Task { () -> (any Error)? in
                do {
                    _ = try await run.run()
                    return nil
                } catch {
                    return error
                }
            }
        }
        run.process.onCrash { task.cancel() }
        world.cancelSender = { task.cancel() }
        let error = await task.value
        world.note("\(run.process.name) ends: \(error?.oneLine ?? "well")")
        return error
    }

    /// A connection that loses a block, and nothing else in the way: the totals must notice.
    private func runWithLoss() async {
        let process = world.process("sender")
        var run = SenderRun(world: world, process: process)
        let number = Int(world.generator.next() % 3)
        run.link.tampering = world.removedGuard == .totals ? .losesBlockAndTotals(number) : .losesBlock(number)
        world.history.losesBlocks = true
        _ = await finish(run)
        // The receiver may still be at work.
        await VirtualExecutor.shared.wait(.seconds(3600))
        world.history.losesBlocks = false
    }

    /// An agent of another release.
    private func runWithOtherVersion() async {
        let newest = Hello.supportedVersions.upperBound
        let oldest = Hello.supportedVersions.lowerBound
        let versions = [newest + 1...newest + 2, oldest...oldest, oldest...newest + 3].random(&world.generator)
        let publishedCount = world.history.publishedCount
        var run = SenderRun(world: world, process: world.process("sender"))
        run.versions = versions
        let error = await finish(run)
        guard !versions.overlaps(Hello.supportedVersions) else { return }
        if error == nil || world.history.publishedCount != publishedCount {
            world.history.fail("an agent of versions \(versions) is talked to")
        }
    }

    // MARK: The end

    /// With nothing in the way, a bounded number of tries and remedies makes both sides equal.
    private func converge() async {
        world.stopFaults()
        var tries = 0
        while tries < 40, world.history.violation == nil {
            tries += 1
            if world.receivers.allSatisfy({ !$0.process.isAlive }) { world.startReceiver() }
            world.lastConflict = nil
            world.lastTarget = nil
            var run = SenderRun(world: world, process: world.process("sender"))
            if world.reconcilesNext { run.lostBaseMode = .compare }
            world.reconcilesNext = false
            guard let error = await finish(run) else { return await end() }
            if let conflict = world.lastConflict {
                await world.remedy(conflict)
            } else {
                await VirtualExecutor.shared.wait(.seconds(min(tries * tries, 300)))
            }
            if tries == 40 { world.history.fail("after \(tries) tries: \(error.oneLine)") }
        }
    }

    /// Both sides are equal, and a proof sees it; or it sees what is wrong, and a repair ends it.
    private func end() async {
        world.checkEqual()
        var proof = world.proof(.full)
        proof.startsAnew = world.generator.next() % 2 == 0
        await mustEndWell(.proof(proof))
        guard world.isDamaged || world.isAlarmed else { return }
        proof.startsAnew = true
        proof.repairs = true
        await mustEndWell(.proof(proof))
        world.checkEqual(mayBeDamaged: false)
        // What an alarm was about may have been written over: only the operator knows.
        if world.isAlarmed { await mustEndWell(.clear) }
        if world.isAlarmed { world.history.fail("an alarm stays, though it was ended") }
        world.changeSource(.writeSource)
        await mustEndWell(.sync(snapshot: nil))
        world.checkEqual(mayBeDamaged: false)
    }

    private func mustEndWell(_ kind: SenderRun.Kind) async {
        guard world.history.violation == nil else { return }
        var run = SenderRun(world: world, process: world.process("sender"))
        run.kind = kind
        if let error = await finish(run) { world.history.fail("\(kind) at the end: \(error.oneLine)") }
    }
}

extension DiffMode {
    /// Those that a run may ask for.
    static let tested: [DiffMode] = [.hybrid, .hybrid, .exact, .compare]
}

extension World {
    /// Waits until a receiver is up.
    fileprivate func untilReceiverIsUp() async {
        for _ in 0..<30 where receivers.allSatisfy({ !$0.process.isAlive }) {
            await VirtualExecutor.shared.wait(.seconds(1))
        }
    }

    /// From now on nothing fails by itself.
    fileprivate func stopFaults() {
        note("faults stop")
        isFaulty = false
        pending = []
        mirrorFullUntil = .zero
        outageUntil = [:]
        showChanges()
    }

    /// Whether an end of the pair keeps an alarm.
    fileprivate var isAlarmed: Bool {
        [source.identity(of: imageName), mirror.identity(of: mirrorName)].contains { image in
            image.map { history.alarms[$0] != nil } ?? false
        }
    }

    /// Whether the mirror's newest snapshot is what the source has now, apart from what the world damaged.
    fileprivate func checkEqual(mayBeDamaged: Bool = true) {
        guard history.violation == nil else { return }
        let image = source.identity(of: imageName)
        guard let here = image.flatMap({ source.look(at: $0)?.head }), let target = lastTarget else {
            return history.fail("an image is missing at the end")
        }
        guard history.isPublished(target, as: here, mayBeDamaged: mayBeDamaged) else {
            return history.fail("a run ended well, and the mirror is not what the source is")
        }
    }

    /// Whether all that was opened and taken was given back; once nothing runs any more.
    func checkReleased() {
        if source.openDeltaCount > 0 { history.fail("\(source.openDeltaCount) deltas are open at the end") }
        let handleCount = source.openHandleCount + mirror.openHandleCount
        if handleCount > 0 { history.fail("\(handleCount) handles are open at the end") }
        if !memory.takeAtOnce(Self.memoryByteCount) { history.fail("memory of units is not given back") }
        for link in links {
            let limit = link.queuedByteCountMax + Limits.blockPayloadByteCountMax + 64
            for end in [link.sender, link.receiver] where end.outbound.queuedByteCountMax > limit {
                history.fail("\(end.outbound.queuedByteCountMax) bytes were queued")
            }
        }
        if settings.isLeased { checkPins() }
    }

    /// A pin that nobody noted would stay for ever.
    private func checkPins() {
        for name in source.names {
            guard let image = source.identity(of: name), let view = source.look(at: image) else { continue }
            let record = view.metadata[ImageStateKey.peer("b")] ?? ""
            let pinned = view.snapshots.filter(\.isPinned).map(\.identity)
            for snapshot in pinned where !record.contains("\"id\":\(snapshot.id),") {
                history.fail("\(snapshot) is pinned, and nobody noted it")
            }
        }
    }
}
