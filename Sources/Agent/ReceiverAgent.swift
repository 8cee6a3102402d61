public import AgentConfiguration
import Conversation
import Engine
import FerryCore
public import ImageStore
public import Logging
import SecureTransport
import Threading

/// The receiving agent: takes connections in and serves them until it is told to stop.
public struct ReceiverAgent: Sendable {
    private let listener: SecureListener
    private let environment: ReceiverEnvironment

    /// The port that it listens on.
    public var port: Int { listener.localPort }

    /// Loads the certificates and begins to listen.
    public static func start(
        _ configuration: ReceiverConfiguration, store: any ImageStore, logger: Logger
    ) async throws -> ReceiverAgent {
        let context = try configuration.tls.makeContext(role: .server)
        let listener = try await SecureListener.bind(
            to: configuration.listen, context: context, handshakeTimeout: .seconds(10),
            connectionCountMax: configuration.connectionCountMax)
        let environment = ReceiverEnvironment(
            store: store, policy: ClientPolicy(configuration.clients),
            hello: Hello(agentVersion: AgentVersion.current, site: configuration.site),
            checkpointInterval: .seconds(configuration.checkpointSeconds), workers: BlockingThreads(count: 2),
            logger: logger)
        return ReceiverAgent(listener: listener, environment: environment)
    }

    /// Serves connections. Cancelling ends it: open transfers checkpoint what they have applied first.
    public func run() async {
        let logger = environment.logger
        await listener.run { connection in
            await ReceiverSession.run(over: connection, environment: environment)
        } onFailedHandshake: { address, error in
            logger.warning("refused a connection: \(error.cause)", metadata: ["peer": "\(address)"])
        }
    }
}

extension ClientPolicy {
    /// The policy that a configuration states.
    init(_ clients: [ReceiverConfiguration.Client]) {
        self.init(rules: clients.map { Rule(identity: $0.identity, images: $0.images, prefix: $0.prefix) })
    }
}
