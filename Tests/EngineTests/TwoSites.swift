import Conversation
import Engine
import FerryCore
import FoundationEssentials
import ImageStore
import Logging
import MemoryStore
import Pipeline
import Planning
import Synchronization
import TestSupport
import Testing
import Threading

/// A source and a mirror in memory, and agents for both.
struct TwoSites {
    let source = MemoryStore(cluster: "source")
    let mirror = MemoryStore(cluster: "mirror")
    var image = "vm"
    var identities = ["sender"]
    var images = "*"
    var mode = DiffMode.hybrid
    var lostBaseMode: DiffMode?
    /// Images that the receiver lets others seed.
    var seeded: [String] = []
    /// Protocol versions that the receiver speaks.
    var receiverVersions = Hello.supportedVersions
    var checkpointByteCount: UInt64 = 4 << 20
    var checkpointInterval = Duration.seconds(5)
    var pacing = Pacing()
    var compression = CompressionPolicy.adaptive
    var limits = SessionLimits()
    /// What the receiver keeps.
    var keep = Retention.all
    /// What the receiver's connections share.
    var claims = MirrorClaims()
    private static let workers = BlockingThreads(count: 2)
    private let clock = TestClock()

    /// Syncs once. The connection is cut after so many bytes each way; it takes the sender's at this rate.
    @discardableResult
    func sync(
        snapshot: String? = nil, senderByteCountMax: UInt64 = .max, receiverByteCountMax: UInt64 = .max,
        senderBytesPerSecond: Int? = nil, meter: TransferMeter = TransferMeter(),
        work: @escaping @Sendable (ImageSync) async throws -> [SyncStepResult] = { try await $0.run() }
    ) async throws -> [SyncStepResult] {
        let (here, there) = MemoryLink.pair(
            senderIdentities: identities, senderByteCountMax: senderByteCountMax,
            receiverByteCountMax: receiverByteCountMax, senderBytesPerSecond: senderBytesPerSecond)
        let environment = ReceiverEnvironment(
            store: mirror,
            policy: ClientPolicy(
                rules: [
                    .init(
                        identity: "sender", images: [ImagePattern(images)], prefix: "", keep: keep,
                        seeded: seeded.map { ImagePattern($0) })
                ]),
            claims: claims, hello: Hello(agentVersion: "test", site: "b", versions: receiverVersions), limits: limits,
            checkpointInterval: checkpointInterval, workers: Self.workers, logger: Self.quietLogger)
        async let receiver: Void = ReceiverSession.run(over: there, environment: environment)
        let result: Result<[SyncStepResult], any Error>
        do {
            result = .success(try await send(over: here, snapshot, meter, work))
        } catch {
            result = .failure(error)
        }
        await receiver
        return try result.get()
    }

    private func send(
        over link: MemoryLink, _ snapshot: String?, _ meter: TransferMeter,
        _ work: @escaping @Sendable (ImageSync) async throws -> [SyncStepResult]
    ) async throws -> [SyncStepResult] {
        let image = try await source.openSource(image)
        do {
            let settings = SyncSettings(
                peer: "b", snapshot: snapshot, mode: mode, lostBaseMode: lostBaseMode,
                checkpointByteCount: checkpointByteCount,
                compression: compression, pacing: pacing)
            let name = self.image
            let steps = try await SenderSession.run(
                over: link, hello: Hello(agentVersion: "test", site: "a"), limits: limits
            ) { session in
                try await work(
                    ImageSync(
                        image: image, name: name, session: session, settings: settings, workers: Self.workers,
                        meter: meter, now: clock.next))
            }
            await image.close()
            return steps
        } catch {
            await image.close()
            throw error
        }
    }

    /// Syncs until it succeeds; fails the test after `attemptCountMax` temporary failures.
    func syncUntilDone(attemptCountMax: Int = 20) async throws -> [SyncStepResult] {
        for _ in 1..<attemptCountMax {
            do {
                return try await sync()
            } catch let failure as any Failure where failure.disposition == .temporary {
                continue
            }
        }
        return try await sync()
    }

    /// Every snapshot that the mirror has equals the source's of that name; and there is at least one.
    func expectEqual(_ comment: Comment? = nil, location: SourceLocation = #_sourceLocation) async throws {
        let mirrored = try #require(try await mirror.openMirror(image), comment, sourceLocation: location)
        let snapshots = try await mirrored.snapshots()
        await mirrored.close()
        #expect(!snapshots.isEmpty, comment, sourceLocation: location)
        for snapshot in snapshots {
            let name = snapshot.identity.name
            let isEqual = source.contents(of: image, at: name) == mirror.contents(of: image, at: name)
            #expect(isEqual, "\(name) differs. \(comment?.rawValue ?? "")", sourceLocation: location)
        }
    }

    /// Writes random bytes to random places of the source.
    func change(_ generator: inout SeededGenerator, writeCount: Int = 5) {
        let size = source.contents(of: image)?.count ?? 0
        for _ in 0..<writeCount where size > 0 {
            let offset = Int.random(in: 0..<size, using: &generator)
            let count = Int.random(in: 1...min(size - offset, 200_000), using: &generator)
            source.overwrite(image, at: UInt64(offset), with: generator.bytes(count))
        }
    }

    /// A logger that tells nobody.
    static var quietLogger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// A clock that is a second on whenever it is asked, so that snapshots never share a name.
private final class TestClock: Sendable {
    private let seconds = Atomic<Int>(1_700_000_000)

    @Sendable func next() -> Date {
        Date(timeIntervalSince1970: TimeInterval(seconds.wrappingAdd(1, ordering: .relaxed).newValue))
    }
}
