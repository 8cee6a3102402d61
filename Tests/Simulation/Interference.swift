import Conversation
import FerryCore
import FoundationEssentials
import ImageStore
import MemoryStore
import Planning
import TestSupport

/// What happens to the sites from outside, at any moment.
enum Interference: CaseIterable {
    case writeSource, growSource, shrinkSource, makeUserSnapshot, remakeUserSnapshot, deleteSourceSnapshot
    case deleteNewestSourceSnapshot, moveSource, remakeSource
    case writeMirror, resizeMirror, makeMirrorSnapshot, deleteMirrorSnapshot, moveMirror, remakeMirror
    case crashSender, crashReceiver, cancelSender, cutConnection, silenceConnection
    case damageMirror, hideChanges
    case fillMirror, sourceOutage, mirrorOutage, jumpSourceClock, jumpMirrorClock, secondReceiver, replayConnection

    /// What goes on all the time is more frequent than what breaks a pair for good.
    private static let frequent: [Interference] = [
        .writeSource, .writeSource, .crashSender, .crashReceiver, .crashReceiver, .cancelSender, .cutConnection,
        .silenceConnection, .deleteNewestSourceSnapshot, .makeUserSnapshot, .replayConnection,
    ]

    /// What leaves a pair as it is, between two rounds.
    private static let calm: [Interference] = [
        .writeSource, .growSource, .shrinkSource, .makeUserSnapshot, .makeUserSnapshot, .remakeUserSnapshot,
        .jumpSourceClock, .jumpMirrorClock, .secondReceiver, .replayConnection, .damageMirror,
    ]

    /// One of them, in the middle of a round or between two.
    static func random(_ generator: inout SeededGenerator, isBetweenRounds: Bool) -> Interference {
        let usual = isBetweenRounds ? calm : frequent
        return (generator.next() % 5 < 3 ? usual : Array(allCases)).random(&generator)
    }
}

extension World {
    /// The mirror's name for the image now.
    var mirrorName: String { settings.prefix + imageName }

    /// Does it, if it can be done now.
    func perform(_ interference: Interference) async {
        note("world: \(interference)")
        switch interference {
        case .writeSource, .growSource, .shrinkSource: changeSource(interference)
        case .makeUserSnapshot: await makeUserSnapshot(isAnew: false)
        case .remakeUserSnapshot: await makeUserSnapshot(isAnew: true)
        case .deleteSourceSnapshot, .deleteNewestSourceSnapshot:
            deleteSourceSnapshot(newest: interference == .deleteNewestSourceSnapshot)
        case .moveSource: moveSource()
        case .remakeSource: remakeSource()
        case .writeMirror, .resizeMirror, .deleteMirrorSnapshot, .moveMirror, .remakeMirror: meddle(interference)
        case .makeMirrorSnapshot: await makeMirrorSnapshot()
        case .damageMirror: damageMirror()
        case .hideChanges: hideChanges()
        case .crashSender: senders.filter(\.isAlive).last?.crash()
        case .crashReceiver: receivers.first { $0.process.isAlive }?.process.crash()
        case .cancelSender: cancelSender?()
        case .cutConnection, .silenceConnection: end(interference)
        case .fillMirror: mirrorFullUntil = soon(withinMilliseconds: 60_000)
        case .sourceOutage: outageUntil[.source] = soon(withinMilliseconds: 30_000)
        case .mirrorOutage: outageUntil[.mirror] = soon(withinMilliseconds: 30_000)
        case .jumpSourceClock: jump(.source)
        case .jumpMirrorClock: jump(.mirror)
        case .secondReceiver: startReceiver()
        case .replayConnection: replayConnection()
        }
    }

    private func soon(withinMilliseconds most: UInt64) -> Duration {
        VirtualExecutor.shared.now + .milliseconds(Int64(generator.next() % most))
    }

    private func jump(_ site: Site) {
        meddling.insert(.clockJump)
        let choices: [Double] = [1, 3600, 86_400, 3_456_000]
        let seconds = choices.random(&generator)
        let isForward = generator.next() % 2 == 0
        clockOffsets[site, default: 0.0] += isForward ? seconds : -seconds
    }

    private func end(_ interference: Interference) {
        guard let pair = links.last else { return }
        if interference == .cutConnection {
            let atOnce = generator.next() % 2 == 0
            for link in [pair.sender, pair.receiver] { link.outbound.cut("the network", atOnce: atOnce) }
        } else {
            pair.sender.outbound.beSilent()
            if generator.next() % 2 == 0 { pair.receiver.outbound.beSilent() }
        }
    }

    /// Sends all that a sender has sent on one connection again, on another one.
    private func replayConnection() {
        let records = links.map(\.sender.outbound.record).filter { !$0.isEmpty }
        guard !records.isEmpty, let link = try? connect(process("replay"), LinkPlan()) else { return }
        history.hasReplayed = true
        let record = records.random(&generator)
        Task {
            for buffer in record {
                guard (try? await link.write(buffer)) != nil else { break }
            }
            while let answer = try? await link.read(), answer.readableBytes > 0 {}
            await link.close()
        }
    }

    // MARK: The source

    /// Bytes of the source's head.
    var sourceByteCount: UInt64 { head(of: imageName, in: source)?.byteCount ?? 0 }

    private func head(of name: String, in store: MemoryStore) -> SparseBytes? {
        store.identity(of: name).flatMap { store.look(at: $0)?.head }
    }

    /// Writes, or changes the size, as the image's user does.
    func changeSource(_ change: Interference) {
        let size = sourceByteCount
        switch change {
        case .growSource: source.resizeHead(of: imageName, to: size + generator.next() % (128 << 10))
        case .shrinkSource: source.resizeHead(of: imageName, to: max(size - generator.next() % (size / 2 + 1), 4096))
        default:
            for _ in 0...generator.next() % 4 { write(size, most: size > 1 << 20 ? 1 << 20 : 32 << 10) }
        }
    }

    private func write(_ size: UInt64, most: UInt64) {
        guard size > 0 else { return }
        var offset = generator.next() % size
        if generator.next() % 2 == 0 { offset &= ~4095 }
        let count = min(size - offset, 1 + generator.next() % most)
        source.overwrite(imageName, at: offset, with: bytes(Int(count)))
    }

    /// Bytes that compress or not, or zeros.
    func bytes(_ count: Int) -> [UInt8] {
        switch generator.next() % 8 {
        case 0: return [UInt8](repeating: 0, count: count)
        case 1, 2, 3: return [UInt8](repeating: UInt8(1 + generator.next() % 255), count: count)
        default: return generator.bytes(count)
        }
    }

    private func makeUserSnapshot(isAnew: Bool) async {
        let name = ["daily", "weekly"].random(&generator)
        guard let image = try? await source.openSource(imageName) else { return }
        if isAnew, source.deleteSnapshot(name, of: imageName) {
            meddling.insert(.sourceSnapshotRemade)
            if generator.next() % 4 > 0 { changeSource(.writeSource) }
        }
        _ = try? await image.createSnapshot(name, quiesce: .skip)
        await image.close()
    }

    private func deleteSourceSnapshot(newest: Bool) {
        guard let image = source.identity(of: imageName), let view = source.look(at: image), !view.snapshots.isEmpty
        else { return }
        let snapshots = view.snapshots
        guard let snapshot = newest ? snapshots.last : snapshots.random(&generator) else { return }
        meddling.insert(.sourceSnapshotDeleted)
        source.deleteSnapshot(snapshot.identity.name, of: imageName)
    }

    private func moveSource() {
        let name = imageName == "vm" ? "vm-moved" : "vm"
        guard source.renameImage(imageName, to: name) else { return }
        meddling.insert(.sourceMoved)
        imageName = name
    }

    private func remakeSource() {
        meddling.insert(.sourceRemade)
        source.deleteImage(imageName)
        source.addImage(imageName, contents: bytes(Int(32 << 10 + generator.next() % (64 << 10))))
    }

    // MARK: The mirror

    private func meddle(_ interference: Interference) {
        guard let image = mirror.identity(of: mirrorName), let view = mirror.look(at: image) else { return }
        switch interference {
        case .writeMirror: writeMirror(view)
        case .resizeMirror:
            // A second one could hide the first.
            guard history.resizedHeads.insert(image).inserted else { return }
            meddling.insert(.mirrorResized)
            mirror.resizeHead(of: mirrorName, to: view.head.byteCount / 2 + generator.next() % view.head.byteCount)
        case .deleteMirrorSnapshot:
            guard !view.snapshots.isEmpty else { return }
            let snapshot = view.snapshots.random(&generator).identity
            meddling.insert(.mirrorSnapshotDeleted)
            history.deletedByWorld.insert(History.Key(image: image, snapshotID: snapshot.id))
            mirror.deleteSnapshot(snapshot.name, of: mirrorName)
        case .moveMirror: moveMirrorAway()
        default:
            meddling.insert(.mirrorRemade)
            mirror.deleteImage(mirrorName)
            if generator.next() % 2 == 0 { mirror.addImage(mirrorName, contents: bytes(40_000)) }
        }
    }

    /// Gives the mirror another name, so that the next sync makes a new one.
    func moveMirrorAway() {
        meddling.insert(.mirrorMoved)
        mirror.renameImage(mirrorName, to: "old-\(generator.next())")
    }

    /// The store's lock keeps others from writing during a transfer; what is written to a head that holds a part of one
    /// can't be told from that part, and what is written to a new mirror before it is locked is not looked for.
    private func writeMirror(_ view: MemoryView) {
        let state = view.metadata
        guard !view.isLocked, state[ImageStateKey.mirror] != nil, state[ImageStateKey.checkpoint] == nil else { return }
        let size = view.head.byteCount
        guard size > 0 else { return }
        meddling.insert(.foreignWrite)
        let offset = generator.next() % size
        mirror.overwrite(mirrorName, at: offset, with: generator.bytes(Int(min(size - offset, 5000))))
    }

    private func makeMirrorSnapshot() async {
        guard let image = (try? await mirror.openMirror(mirrorName)) ?? nil else { return }
        var names = ["foreign", "daily", "weekly"]
        let text = mirror.look(at: image.identity)?.metadata[ImageStateKey.checkpoint] ?? ""
        if let checkpoint = try? JSONDecoder().decode(Checkpoint.self, from: Data(text.utf8)) {
            names.append(checkpoint.mirrorName ?? checkpoint.transfer.target.name)
        }
        meddling.insert(.foreignSnapshot)
        _ = try? await image.createSnapshot(names.random(&generator), quiesce: .skip)
        await image.close()
    }
}
