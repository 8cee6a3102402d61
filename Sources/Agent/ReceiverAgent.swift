public import AgentConfiguration
public import Control
import Conversation
public import Engine
import FerryCore
import Foundation
public import ImageStore
public import Logging
import Planning
public import Reporting
import SecureTransport
import Synchronization
import Threading

/// The receiving agent: takes connections in and serves them until it is told to stop.
public final class ReceiverAgent: Sendable {
    private let configuration: ConfigurationInForce<ReceiverConfiguration>
    private let store: any ImageStore
    private let listener: SecureListener
    private let board = ReceiverBoard()
    private let stopSwitch = StopSwitch()
    private let claims = MirrorClaims()
    private let usage = ClientUsage(isCounted: false)
    private let refusals: RefusalLog
    private let workers = BlockingThreads(count: BlockingThreads.workerCount)
    private let logger: Logger
    private let startedAt = Date()

    /// The port that it listens on.
    public var port: Int { listener.localPort }

    /// Loads the certificates and begins to listen. `file` is where the configuration was read from.
    public static func start(
        _ configuration: ReceiverConfiguration, file: String, store: any ImageStore, logger: Logger
    ) async throws -> ReceiverAgent {
        let inForce = try ConfigurationInForce(configuration, file: file, role: .server, logger: logger)
        let listener = try await SecureListener.bind(
            to: configuration.listen, context: { inForce.contexts.current }, handshakeTimeout: .seconds(10),
            connectionCountMax: configuration.connectionCountMax)
        return ReceiverAgent(inForce, store, listener, logger)
    }

    private init(
        _ configuration: ConfigurationInForce<ReceiverConfiguration>, _ store: any ImageStore,
        _ listener: SecureListener, _ logger: Logger
    ) {
        self.configuration = configuration
        self.store = store
        self.listener = listener
        self.logger = logger
        refusals = RefusalLog(logger)
    }

    /// Serves connections until `stop`. Transfers that are under way then may go on for as long as the configuration
    /// says; after that, and when the task is cancelled, they checkpoint what they have applied.
    public func run() async {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await self.serve()
                return true
            }
            group.addTask {
                await self.endWhenStopped()
                return true
            }
            group.addTask {
                await self.tick()
                return false
            }
            group.addTask {
                await self.look()
                return false
            }
            while let isEnd = await group.next(), !isEnd {}
            group.cancelAll()
        }
    }

    /// Ends the agent.
    public func stop() {
        stopSwitch.stop(within: .seconds(configuration.current.agent.stopWithin.seconds))
    }

    /// The transfers under way, for a watch over hanging ones.
    public var activities: [(mirror: String, meter: TransferMeter)] { board.activities }

    private func serve() async {
        await listener.run { connection in
            await ReceiverSession.run(over: connection, environment: self.environment)
        } isClient: { identities in
            self.policy(self.configuration.current).hasClient(identities)
        } turnAway: { connection in
            await ReceiverSession.turnAway(
                connection, connectionCountMax: self.configuration.begun.connectionCountMax,
                environment: self.environment)
        } onFailedHandshake: { address, error in
            // Those that had to go for others are counted by the listener.
            if error != .crowdedOut { self.board.noteRefused() }
            self.refusals.note(address, error)
        }
    }

    /// What a connection that begins now is served with.
    private var environment: ReceiverEnvironment {
        let configuration = configuration.current
        return ReceiverEnvironment(
            store: store, policy: policy(configuration), claims: claims, usage: usage,
            hello: Hello(agentVersion: AgentVersion.current, site: configuration.site),
            limits: SessionLimits(blockMax: .seconds(configuration.blockWithin.seconds)),
            checkpointInterval: .seconds(configuration.checkpointSeconds), workers: workers, logger: logger,
            observe: { [board] in board.note($0, now: Date()) })
    }

    /// Who may write what into the store that is open.
    private func policy(_ configuration: ReceiverConfiguration) -> ClientPolicy {
        ClientPolicy(configuration.clients, places: self.configuration.begun.store.qualifiedPlaces)
    }

    /// Returns when the agent may end.
    private func endWhenStopped() async {
        guard (try? await stopSwitch.untilStop()) != nil else { return }
        logger.info("stopping; \(board.activities.count) transfers under way")
        _ = try? await stopSwitch.limit { [board] in await board.untilQuiet() }
    }

    private func tick() async {
        var reminder = ExpiryReminder()
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            board.tick()
            refusals.tick()
            if await configuration.watchCertificates(&reminder, now: Date()) { listener.checkPeers() }
        }
    }
}

// MARK: Configuration and status

extension ReceiverAgent {
    /// Reads the configuration file again and takes it into force, for the connections that begin from then on, unless
    /// something is wrong with it.
    public func reload() async {
        if await configuration.reload() { listener.checkPeers() }
    }

    /// Sees what the mirrors hold that were there before the agent started, and counts them for their clients' quotas.
    private func look() async {
        // What can't be looked at does not count, and is said.
        defer { usage.countedAll() }
        do {
            for name in try await store.imageNames() {
                guard !Task.isCancelled else { return }
                do {
                    try await look(name)
                } catch {
                    logger.warning("could not look at \(name): \(error.oneLine)")
                }
            }
        } catch {
            logger.warning("could not look through the mirrors: \(error.oneLine)")
        }
    }

    private func look(_ name: String) async throws {
        guard let mirror = try await store.openMirror(name) else { return }
        do {
            if let record = try await mirror.state(MirrorRecord.self, ImageStateKey.mirror) {
                usage.found(name, source: record.sourceName, byteCount: try await mirror.headByteCount())
                try await notePublished(name, mirror, record)
            }
            await mirror.close()
        } catch {
            await mirror.close()
            throw error
        }
    }

    private func notePublished(_ name: String, _ mirror: any MirrorImage, _ record: MirrorRecord) async throws {
        guard let newest = record.published.last else { return }
        let snapshot = try await mirror.snapshots().first { $0.identity == newest.mirror }
        guard let takenAt = SnapshotName.ownTime(newest.source.name) ?? snapshot?.createdAt else { return }
        let client = policy(configuration.current).client(ofMirror: name, source: record.sourceName) ?? "unknown"
        let published = PublishedState(
            snapshot: newest.mirror.name, takenAt: takenAt, publishedAt: snapshot?.createdAt)
        let proofs = try await mirror.state(ProofRecord.self, ImageStateKey.proof) ?? ProofRecord()
        board.noteFound(name, client: client, published, proofs)
    }
}

extension ReceiverAgent: AgentControl {
    /// How the agent is.
    public func status() async -> AgentStatus {
        var status = AgentStatus(
            role: .receiver, site: configuration.current.site, version: AgentVersion.current,
            configuration: configuration.file, startedAt: startedAt, now: Date())
        configuration.note(in: &status)
        board.fill(&status)
        status.note(clients)
        status.refusedConnectionCount += listener.turnedAwayCount
        return status
    }

    /// What each client takes, and may take.
    private var clients: [ClientStatus] {
        let policy = policy(configuration.current)
        return policy.quotas.map { client, quota in
            let amount = usage.amount(of: client, by: policy)
            var status = ClientStatus(name: client)
            status.connectionCount = amount.connectionCount
            status.connectionCountMax = quota.connectionCountMax
            status.imageCount = amount.imageCount
            status.imageCountMax = quota.imageCountMax
            status.bytes = amount.byteCount
            status.bytesMax = quota.byteCountMax
            return status
        }
    }

    /// Refuses: runs are a sender's.
    public func sync(_ request: SyncRequest, isWaiting: Bool) async throws -> [SyncReply] {
        throw NotASender()
    }
}

/// A receiver was asked for a run.
struct NotASender: Failure {
    var disposition: Disposition { .usage }
    var cause: String { "this agent is a receiver: it takes in what senders send" }
    var remedy: String { "ask the sender's agent, at its own site" }
}

extension ClientPolicy {
    /// The policy that a configuration states.
    init(_ clients: [ReceiverConfiguration.Client], places: [String]?) {
        self.init(
            rules: clients.map {
                Rule(
                    identity: $0.identity, images: $0.images, prefix: $0.prefix, place: $0.place, keep: $0.keep,
                    quota: ClientQuota(
                        connectionCountMax: $0.connectionCountMax, imageCountMax: $0.imageCountMax,
                        byteCountMax: $0.byteCountMax?.byteCount), seeded: $0.seeded)
            }, places: places)
    }
}

extension StoreConfiguration {
    /// The pools that images' names begin with; nil when they have none.
    var qualifiedPlaces: [String]? {
        guard case .ceph(_, _, let places, _, true) = self else { return nil }
        return places.map(\.description)
    }
}

extension ReceiverConfiguration: AgentConfigurable {
    /// Reads and checks a file.
    static func read(_ file: String) throws -> ReceiverConfiguration { try ReceiverConfiguration(file: file) }

    /// Keys whose values differ and that a running agent can't change.
    func changesThatNeedRestart(_ new: ReceiverConfiguration) -> [String] {
        var keys: [String] = []
        if store != new.store { keys.append("store") }
        if listen != new.listen { keys.append("listen") }
        if connectionCountMax != new.connectionCountMax { keys.append("connections-max") }
        return keys + agent.changesThatNeedRestart(new.agent)
    }
}
