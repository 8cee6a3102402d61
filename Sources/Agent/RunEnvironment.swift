import AgentConfiguration
import Engine
import FerryCore
import Foundation
import ImageStore
import Logging
import OpenSSL
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

extension RunEnvironment {
    /// The environment of a command that goes once. Throws when the certificates can't be used.
    init(
        _ configuration: SenderConfiguration, store: any ImageStore, logger: Logger, limits: SessionLimits
    ) throws {
        self.init(
            store: store, contexts: try ContextSource(configuration.tls, role: .client), leases: ImageLeases(),
            workers: BlockingThreads(count: BlockingThreads.workerCount), site: configuration.site,
            throttles: PeerThrottles(TransferLimits(configuration)), limits: limits, logger: logger, now: { Date() })
    }

    /// Opens a source image, runs `body`, and closes it again. Takes no lease.
    func withSource<Result: Sendable>(
        _ name: String, _ body: (any SourceImage) async throws -> Result
    ) async throws -> Result {
        let image = try await store.openSource(name)
        do {
            let result = try await body(image)
            await image.close()
            return result
        } catch {
            await image.close()
            throw error
        }
    }
}
