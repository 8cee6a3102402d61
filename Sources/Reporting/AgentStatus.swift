public import FoundationEssentials

/// All that an agent tells about itself, at one moment: `/api/status`, `/metrics`, `/healthz` and `rbd-ferry status`
/// are made of this and nothing else. As JSON its names are stable: words joined by underscores, with units.
public struct AgentStatus: Codable, Hashable, Sendable {
    /// Which end an agent is.
    public enum Role: String, Codable, Sendable {
        case sender
        case receiver
    }
    /// Which end this is.
    public var role: Role
    /// Our site's name.
    public var site: String
    /// Our release.
    public var version: String
    /// The configuration file in force.
    public var configuration: String
    /// When the agent started.
    public var startedAt: Date
    /// When this was written.
    public var now: Date
    /// What is in the way of the agent as a whole, with what to do; empty when it is healthy.
    public var problems: [String] = []
    /// What will be in the way: certificates that end, quotas that are nearly used up.
    public var warnings: [String] = []
    /// Our certificate and the authority's.
    public var certificates: [CertificateStatus] = []
    /// Connections that are open now.
    public var connectionCount = 0
    /// Connections that were refused or turned away since the start.
    public var refusedConnectionCount: UInt64 = 0
    /// What each client takes of a receiver, and may take, in the configuration's order; nil at a sender.
    public var clients: [ClientStatus]?
    /// How fast blocks and reads may go and do; nil at a receiver.
    public var limits: LimitsStatus?
    /// One entry for each image and peer, by name.
    public var images: [ImageStatus] = []

    /// A status without images.
    public init(
        role: Role, site: String, version: String, configuration: String, startedAt: Date, now: Date
    ) {
        self.role = role
        self.site = site
        self.version = version
        self.configuration = configuration
        self.startedAt = startedAt
        self.now = now
    }

    /// Whether nothing is in the way of the agent as a whole.
    public var isHealthy: Bool { problems.isEmpty }

    /// Whether someone should look: there is a problem, or an image that is stopped or late, or whose mirror differs.
    public var needsAttention: Bool {
        !isHealthy || images.contains { $0.state == .stopped || $0.isLate || $0.alarm != nil }
    }
}

/// A certificate in use.
public struct CertificateStatus: Codable, Hashable, Sendable {
    /// Its file.
    public var file: String
    /// When it ends.
    public var expiresAt: Date

    /// A certificate in a file.
    public init(file: String, expiresAt: Date) {
        self.file = file
        self.expiresAt = expiresAt
    }
}
