public import AgentConfiguration
import Conversation
public import Engine
import FerryCore
public import Foundation
public import ImageStore
public import Logging
import Planning
public import Reporting
import Synchronization
import Threading

/// The sending agent: a lane for each image and peer that the rules name, until it is told to stop.
public final class SenderAgent: Sendable {
    private struct State {
        var lanes: [LaneKey: Lane] = [:]
        /// Lanes that were made and have not been begun.
        var unbegun: [Lane] = []
        /// Why the store could not be looked through; nil when it could.
        var scanError: (any Error)?
        var scanBeganAt: ContinuousClock.Instant?
        var scanWaiters: [CheckedContinuation<Void, Never>] = []

        mutating func takeScanWaiters() -> [CheckedContinuation<Void, Never>] {
            defer { scanWaiters = [] }
            return scanWaiters
        }
    }
    let stopSwitch = StopSwitch()
    private let configuration: ConfigurationInForce<SenderConfiguration>
    private let lanes: LaneAgent
    private let state = Mutex(State())
    private let scanAlarm = Alarm()
    private let startedAt: Date

    private var environment: RunEnvironment { lanes.environment }
    private var logger: Logger { lanes.environment.logger }

    /// An agent for the configuration that was read from `file`, whose store is open. Throws when the certificates
    /// can't be used.
    public init(
        _ configuration: SenderConfiguration, file: String, store: any ImageStore, logger: Logger,
        limits: SessionLimits = SessionLimits(), now: @escaping @Sendable () -> Date = { Date() }
    ) throws {
        startedAt = now()
        self.configuration = try ConfigurationInForce(configuration, file: file, role: .client, logger: logger)
        let environment = RunEnvironment(
            store: store, contexts: self.configuration.contexts, leases: ImageLeases(),
            workers: BlockingThreads(count: BlockingThreads.workerCount), site: configuration.site,
            throttles: PeerThrottles(TransferLimits(configuration), now: now), limits: limits, logger: logger, now: now)
        lanes = LaneAgent(
            environment: environment, stop: stopSwitch, parallelCount: configuration.parallelCount,
            numbers: configuration.laneNumbers)
    }

    /// Runs until `stop`, and until what was under way then has ended. `ready` is called once the store has been looked
    /// through for the first time.
    public func run(ready: @escaping @Sendable () -> Void) async {
        stopSwitch.onStop { [scanAlarm] in scanAlarm.ring() }
        // Also for what goes on for a while after a stop.
        let keepingLimits = Task { [throttles = environment.throttles] in await throttles.keepLimits() }
        defer { keepingLimits.cancel() }
        await withDiscardingTaskGroup { group in
            let ticking = Task { await tick() }
            var isReady = false
            while !stopSwitch.isStopping, !Task.isCancelled {
                await scan()
                for lane in takeUnbegun() { group.addTask { await lane.run() } }
                if !isReady { ready() }
                isReady = true
                await waitForNextScan()
            }
            ticking.cancel()
        }
        for waiter in state.withLock({ $0.takeScanWaiters() }) { waiter.resume() }
    }

    /// Ends the agent: nothing new begins, and what is under way has as long as the configuration says.
    public func stop() {
        stopSwitch.stop(within: .seconds(configuration.current.agent.stopWithin.seconds))
    }

    /// The runs under way, for a watch over hanging ones.
    public var activities: [(image: String, peer: String, meter: TransferMeter)] {
        lanes.activities.sorted { $0.key < $1.key }.map { ($0.key.image, $0.key.peer, $0.value) }
    }

    /// Since when the store has been looked through; nil when it is not.
    public var scanningSince: ContinuousClock.Instant? { state.withLock { $0.scanBeganAt } }
}

// MARK: Lanes

extension SenderAgent {
    /// Looks which images there are, and has a lane for each that a rule names.
    private func scan() async {
        // Who asks from now on waits for the next scan: this one may have passed what they ask for.
        let waiters = state.withLock { state in
            state.scanBeganAt = .now
            return state.takeScanWaiters()
        }
        let result: Result<[String], any Error>
        do {
            result = .success(try await environment.store.imageNames())
        } catch {
            result = .failure(error)
        }
        let previous = state.withLock { state in
            state.scanBeganAt = nil
            defer { if case .failure(let error) = result { state.scanError = error } else { state.scanError = nil } }
            return state.scanError
        }
        switch result {
        case .success(let names): await align(to: names)
        case .failure(let error):
            if previous?.oneLine != error.oneLine { logger.error("\(error.oneLine)") }
        }
        for waiter in waiters { waiter.resume() }
    }

    private func align(to names: [String]) async {
        let configuration = configuration.current
        var wanted: [LaneKey: LaneRule] = [:]
        for name in names {
            guard let settings = configuration.rules.deciding(name)?.settings else { continue }
            for peer in configuration.peers where settings.peers.contains(peer.name) {
                wanted[LaneKey(image: name, peer: peer.name)] = LaneRule(peer: peer, settings: settings)
            }
        }
        let (kept, retired) = state.withLock { state -> ([(Lane, LaneRule)], [Lane]) in
            let retired = state.lanes.filter { wanted[$0.key] == nil }
            for key in retired.keys { state.lanes[key] = nil }
            let kept = state.lanes.compactMap { lane in wanted[lane.key].map { (lane.value, $0) } }
            for (key, rule) in wanted where state.lanes[key] == nil {
                let lane = Lane(key, rule: rule, agent: lanes)
                state.lanes[key] = lane
                state.unbegun.append(lane)
            }
            return (kept, Array(retired.values))
        }
        for (lane, rule) in kept { await lane.update(rule) }
        for lane in retired { await lane.retire() }
    }

    private func takeUnbegun() -> [Lane] {
        state.withLock { state in
            defer { state.unbegun = [] }
            return state.unbegun
        }
    }

    private func waitForNextScan() async {
        let end = ContinuousClock.now + .seconds(configuration.current.scanEvery.seconds)
        while state.withLock({ $0.scanWaiters.isEmpty }), ContinuousClock.now < end, !stopSwitch.isStopping,
            !Task.isCancelled
        {
            await scanAlarm.wait(for: end - .now)
        }
    }

    /// Has the store looked through, and waits for it.
    func scanNow() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard !stopSwitch.isStopping else { return true }
                state.scanWaiters.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
            scanAlarm.ring()
        }
    }

    /// All lanes, by image and peer.
    var allLanes: [Lane] {
        state.withLock { $0.lanes.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// Every second: how far runs are, and whether certificates were renewed or end soon.
    private func tick() async {
        var reminder = ExpiryReminder()
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            for lane in allLanes { await lane.tick() }
            environment.throttles.sample()
            await configuration.watchCertificates(&reminder, now: environment.now())
        }
    }
}

// MARK: Configuration and status

extension SenderAgent {
    /// Reads the configuration file again and takes it into force, unless something is wrong with it.
    public func reload() async {
        guard await configuration.reload() else { return }
        lanes.update(configuration.current.laneNumbers)
        environment.throttles.update(TransferLimits(configuration.current))
        await scanNow()
    }

    /// How the agent is.
    public func status() async -> AgentStatus {
        var status = AgentStatus(
            role: .sender, site: configuration.begun.site, version: AgentVersion.current,
            configuration: configuration.file, startedAt: startedAt, now: environment.now())
        if let scanError = state.withLock({ $0.scanError }) { status.problems.append(scanError.oneLine) }
        configuration.note(in: &status)
        for lane in allLanes { status.images.append(await lane.status()) }
        status.limits = environment.throttles.status()
        status.connectionCount = status.images.count { $0.progress != nil }
        return status
    }
}

extension SenderConfiguration: AgentConfigurable {
    fileprivate var laneNumbers: LaneAgent.Numbers {
        LaneAgent.Numbers(
            checkpointByteCount: checkpointByteCount, compression: compression, baseSecondsMax: holdBaseMax.seconds)
    }

    /// Reads and checks a file.
    static func read(_ file: String) throws -> SenderConfiguration { try SenderConfiguration(file: file) }

    /// Keys whose values differ and that a running agent can't change.
    func changesThatNeedRestart(_ new: SenderConfiguration) -> [String] {
        var keys: [String] = []
        if store != new.store { keys.append("store") }
        if site != new.site { keys.append("site") }
        if parallelCount != new.parallelCount { keys.append("parallel") }
        return keys + agent.changesThatNeedRestart(new.agent)
    }
}
