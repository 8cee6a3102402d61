import AgentConfiguration
import Engine
import Foundation
import ImageStore
import Logging
import Pipeline
import Threading

/// What all runs of a sending process share.
struct RunEnvironment: Sendable {
    /// Where the source images live.
    let store: any ImageStore
    /// Our certificates.
    let contexts: ContextSource
    /// The images that we work on.
    let leases: ImageLeases
    /// Threads for compression and digests.
    let workers: BlockingThreads
    /// Our site's name.
    let site: String
    /// How fast images are read and sent.
    let throttles: PeerThrottles
    /// How long is waited for what.
    let limits: SessionLimits
    /// Where events are told.
    let logger: Logger
    /// The time.
    let now: @Sendable () -> Date
}
