public import Foundation

/// A configuration file of either agent.
public enum AgentConfigurationFile: Sendable {
    /// A sender's.
    case sender(SenderConfiguration)
    /// A receiver's.
    case receiver(ReceiverConfiguration)

    /// Reads and checks a file; its keys tell whose it is. Throws every fault that is in it.
    public init(
        file: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ConfigurationFaults) {
        let reading = ConfigurationReading(file: file, environment: environment)
        let root = try ConfigurationSection(file: reading)
        self = try reading.result(AgentConfigurationFile(root))
    }

    /// Reads a whole file; nil when a fault was noted.
    init?(_ root: ConfigurationSection) {
        switch AgentKind(root) {
        case .sender:
            guard let sender = SenderConfiguration(root) else { return nil }
            self = .sender(sender)
        case .receiver:
            guard let receiver = ReceiverConfiguration(root) else { return nil }
            self = .receiver(receiver)
        case nil:
            root.note(
                "is neither a sender's configuration nor a receiver's",
                "a sender has peers:, a receiver has clients:; README shows whole files")
            return nil
        }
    }
}

/// Which agent a file is for.
enum AgentKind {
    case sender, receiver

    /// The agent that knows more of a file's keys; nil when that does not tell.
    init?(_ root: ConfigurationSection) {
        let senderCount = root.keys.count(where: SenderConfiguration.keys.contains)
        let receiverCount = root.keys.count(where: ReceiverConfiguration.keys.contains)
        guard senderCount != receiverCount else { return nil }
        self = senderCount > receiverCount ? .sender : .receiver
    }
}
