import Conversation
import Engine
import FerryCore
import Logging
import MemoryStore
import Planning
import Threading

/// A receiver's process, from its start to its crash.
///
/// Thread rule (why `@unchecked Sendable` holds): the real process has one thread.
final class ReceiverHost: @unchecked Sendable {
    let process: SimulatedProcess
    private unowned let world: World
    private let environment: ReceiverEnvironment
    private var sessionCount = 0
    private let losesPower: Bool

    init(_ world: World, versions: ClosedRange<Int> = Hello.supportedVersions) {
        self.world = world
        process = world.process("receiver")
        losesPower = world.generator.next() % 4 > 0
        let settings = world.settings
        environment = ReceiverEnvironment(
            store: world.mirror,
            policy: ClientPolicy(
                rules: [
                    .init(
                        identity: "sender", images: [ImagePattern("*")], prefix: settings.prefix,
                        keep: settings.mirrorKeep)
                ]),
            hello: Hello(agentVersion: "test", site: "b", versions: versions), limits: settings.limits,
            checkpointInterval: settings.checkpointInterval, workers: .inline,
            logger: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() },
            observe: { [unowned world] event in
                if case .failed(_, _, let error) = event {
                    Trace.shared.note("receiver: \(error.oneLine)")
                    world.lastConflict = error as? PlanConflict ?? world.lastConflict
                }
                if case .receiving(_, _, _, let meter) = event {
                    world.receiverMeters.append(meter)
                    if meter.counts.watermark > 0 { world.history.resumedCount += 1 }
                }
            },
            now: { [unowned world] in world.now(at: .mirror) })
        process.onCrash { [weak self, unowned world] in
            Trace.shared.note("a receiver crashes")
            self?.endIfCrashed()
            let pause = Duration.milliseconds(Int64(100 + world.generator.next() % 20_000))
            VirtualExecutor.shared.schedule(after: pause) { [unowned world] in world.startReceiver() }
        }
    }

    /// Serves a connection.
    func serve(_ link: SimulatedLink) {
        process.links.append(link)
        sessionCount += 1
        let task = SimulatedProcess.$current.withValue(process) {
            Task {
                await ReceiverSession.run(over: link, environment: environment)
                sessionCount -= 1
                endIfCrashed()
            }
        }
        process.onCrash { task.cancel() }
    }

    /// Once nothing of a crashed process runs any more, what it had not made durable may be gone.
    private func endIfCrashed() {
        guard !process.isAlive, sessionCount == 0, losesPower else { return }
        for name in world.mirror.names {
            guard let image = world.mirror.identity(of: name), world.mirror.look(at: image)?.isLocked == false else {
                continue
            }
            world.mirror.losePower(of: name)
        }
    }
}

extension World {
    /// Starts a receiver, unless there are two.
    func startReceiver(versions: ClosedRange<Int> = Hello.supportedVersions) {
        receivers.removeAll { !$0.process.isAlive }
        guard receivers.count < 2 else { return }
        receivers.append(ReceiverHost(self, versions: versions))
    }
}
