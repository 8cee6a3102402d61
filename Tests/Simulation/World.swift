import Conversation
import Engine
import FerryCore
import FoundationEssentials
import ImageStore
import MemoryStore
import Pipeline
import Planning
import SecureTransport
import TestSupport

/// Everything of one seed: two sites, what is done to them, and what has been found.
///
/// Thread rule (why `@unchecked Sendable` holds): the process has one thread.
final class World: @unchecked Sendable {
    let source: MemoryStore
    let mirror: MemoryStore
    let settings: WorldSettings
    let history: History
    let removedGuard: Guard?
    var generator: SeededGenerator
    /// What the image is called at the source now.
    var imageName = "vm"
    /// What was done that can explain a refusal.
    var meddling: Set<Meddling> = []
    /// Whether stores and connections fail by chance.
    var isFaulty = false
    /// Until when a pool is full, or a store away.
    var mirrorFullUntil = Duration.zero
    var outageUntil: [Site: Duration] = [:]
    /// How far a site's clock is off, in seconds.
    var clockOffsets: [Site: Double] = [:]
    /// What is done to the sites once so many operations have been seen.
    var pending: [(operationNumber: Int, meddling: Interference)] = []
    private(set) var operationCount = 0
    var senders: [SimulatedProcess] = []
    var receivers: [ReceiverHost] = []
    /// Why the mirror's side refused last.
    var lastConflict: PlanConflict?
    /// Whether the next run may make up for a lost base, as the remedy said.
    var reconcilesNext = false
    /// The source's snapshot that a run ended with last.
    var lastTarget: History.Key?
    /// Interrupts the sender that was started last.
    var cancelSender: (() -> Void)?
    /// Meters of the transfers that receivers took in.
    var receiverMeters: [TransferMeter] = []
    /// For units between listing and emission.
    let memory = ByteBudget(limit: World.memoryByteCount)
    static let memoryByteCount: UInt64 = 6 << 20
    private var processCount = 0
    /// Makes the source's lists of changes whole again; nil: they are.
    var showsChanges: (() -> Void)?
    /// Proofs that came to their end.
    var provenCount = 0

    /// A site of the two.
    enum Site: Hashable { case source, mirror }

    init(seed: UInt64, without removedGuard: Guard?) {
        generator = SeededGenerator(seed: seed)
        settings = WorldSettings(&generator)
        self.removedGuard = removedGuard
        let batch = Int.random(in: 1...64, using: &generator)
        source = MemoryStore(cluster: "source", batchExtentCountMax: batch, flaws: removedGuard?.sourceFlaws ?? [])
        mirror = MemoryStore(cluster: "mirror", flaws: removedGuard?.mirrorFlaws ?? [])
        history = History(source: source, mirror: mirror)
        history.mirrorKeeps = settings.mirrorKeep != .all
        install()
    }

    private func install() {
        source.setFaults { [unowned self] operation, image throws(StoreError) in
            try await before(operation, image, at: .source)
        }
        mirror.setFaults { [unowned self] operation, image throws(StoreError) in
            try await before(operation, image, at: .mirror)
        }
        // The clusters' own clocks are right; those of the agents' hosts jump.
        for store in [source, mirror] {
            store.setClock { Date(timeIntervalSince1970: 1_700_000_000 + VirtualExecutor.shared.now / .seconds(1)) }
        }
        history.observe()
    }

    /// What the clock of a site's agent says.
    func now(at site: Site) -> Date {
        let seconds = VirtualExecutor.shared.now / .seconds(1)
        return Date(timeIntervalSince1970: 1_700_000_000 + seconds + (clockOffsets[site] ?? 0))
    }

    /// A process that begins now.
    func process(_ role: String) -> SimulatedProcess {
        processCount += 1
        return SimulatedProcess("\(role)-\(processCount)")
    }

    /// Adds to the trace.
    func note(_ text: @autoclosure () -> String) { Trace.shared.note(text()) }

    // MARK: What happens at each operation

    private func before(_ operation: MemoryOperation, _ image: String, at site: Site) async throws(StoreError) {
        guard let process = SimulatedProcess.current else { return }
        note("\(process.name): \(operation) \(image)")
        let subject = "\(site)/\(image)"
        try process.checkAlive(subject)
        operationCount += 1
        if let meter = receiverMeters.last, meter.counts.blocksInStore > Self.blockCountMax {
            history.fail("a receiver applies \(meter.counts.blocksInStore) blocks at once")
        }
        await meddle()
        _ = process.step()
        try process.checkAlive(subject)
        if isFaulty { await VirtualExecutor.shared.wait(delay()) }
        try process.checkAlive(subject)
        try fail(operation, subject, at: site)
    }

    private func meddle() async {
        while let first = pending.first, first.operationNumber <= operationCount {
            pending.removeFirst()
            await SimulatedProcess.$current.withValue(nil) { await perform(first.meddling) }
        }
    }

    /// Plans to do something after so many more operations.
    func plan(_ interference: Interference, afterOperations count: Int) {
        pending.append((operationCount + count, interference))
        pending.sort { $0.operationNumber < $1.operationNumber }
    }

    private func delay() -> Duration {
        let roll = generator.next() % 2000
        if roll == 0 { return .seconds(Int64(generator.next() % 300)) }
        return .nanoseconds(Int64(generator.next() % settings.operationNanosecondsMax))
    }

    private func fail(_ operation: MemoryOperation, _ subject: String, at site: Site) throws(StoreError) {
        let now = VirtualExecutor.shared.now
        if let until = outageUntil[site], now < until {
            throw StoreError(.unavailable, "use", subject, detail: "an outage")
        }
        if site == .mirror, now < mirrorFullUntil, operation.takesSpace {
            throw StoreError(.noSpace, "write to", subject, detail: "the pool is full")
        }
        guard isFaulty, generator.next() % 10_000 < settings.faultsPerTenThousand else { return }
        let reasons: [StoreError.Reason] = [.unavailable, .unavailable, .noSpace, .locked, .failed]
        var reason = reasons.random(&generator)
        // That would say that somebody made a clone, and that the pin is theirs from now on.
        if reason == .locked, operation == .unpin { reason = .unavailable }
        note("fault \(reason)")
        throw StoreError(reason, "use", subject, detail: "by chance")
    }

    // MARK: Connections

    /// Connects a sender with a receiver that is up.
    func connect(_ process: SimulatedProcess, _ plan: LinkPlan) throws(TransportError) -> SimulatedLink {
        let up = receivers.filter(\.process.isAlive)
        guard process.isAlive, !up.isEmpty else { throw .refused(address: "simulated") }
        let host = up[Int(generator.next() % UInt64(up.count))]
        let (here, there) = SimulatedLink.pair(plan, senderIdentity: "sender", seed: generator.next()) {
            [unowned self] byteCount throws(TransportError) in
            guard let process = SimulatedProcess.current else { return }
            if let byteCount { note("\(process.name): sends \(byteCount)") }
            guard process.step() else { throw .closed(address: "simulated") }
            checkBounds(process)
        }
        process.links.append(here)
        host.serve(there)
        links.append((here, there, plan.queuedByteCountMax))
        return here
    }

    private(set) var links: [(sender: SimulatedLink, receiver: SimulatedLink, queuedByteCountMax: Int)] = []

    /// What `DeltaSender` and `DeltaReceiver` have at once, at most.
    private static let (unitCountMax, blockCountMax) = (12, 32)

    private func checkBounds(_ process: SimulatedProcess) {
        guard let (meter, byteCount) = process.window else { return }
        let counts = meter.counts
        let inFlight = counts.contentByteCount - min(counts.durableContentByteCount, counts.contentByteCount)
        if inFlight > byteCount { history.fail("\(inFlight) bytes are in flight, the window has \(byteCount)") }
        if counts.unitsHeld > Self.unitCountMax { history.fail("\(counts.unitsHeld) units are held") }
    }
}

extension MemoryOperation {
    /// Whether a full pool refuses it.
    fileprivate var takesSpace: Bool {
        switch self {
        case .apply, .write, .createMirror, .createSnapshot, .setMetadata, .rollBack: true
        default: false
        }
    }
}

/// What was done to the sites that the product can only refuse, or must make good.
enum Meddling: Hashable, CaseIterable {
    case foreignWrite, foreignSnapshot, mirrorResized, mirrorSnapshotDeleted, mirrorMoved, mirrorRemade
    case sourceSnapshotDeleted, sourceSnapshotRemade, sourceMoved, sourceRemade, clockJump
}
