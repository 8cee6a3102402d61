import AgentConfiguration
import Planning

/// What a sender's configuration says on how fast images are read and sent.
struct TransferLimits: Hashable, Sendable {
    /// For all peers together.
    var total: RateLimit
    /// For reads from the source store.
    var reading: RateLimit
    /// For each peer, by its name.
    var peers: [String: RateLimit]
}

extension TransferLimits {
    /// The limits of a configuration.
    init(_ configuration: SenderConfiguration) {
        total = configuration.limit
        reading = configuration.readLimit
        peers = Dictionary(configuration.peers.map { ($0.name, $0.limit) }) { first, _ in first }
    }
}
