import AgentConfiguration
import Engine
import FerryCore
import Foundation
import Hooks
import ImageStore
import Logging
import Planning

/// Makes a snapshot of an image as its rule says: a command before, the snapshot, a command after.
struct SnapshotTaking: Sendable {
    let image: String
    let settings: ImageSettings
    let logger: Logger
    let now: @Sendable () -> Date

    /// Makes one. The command after it runs whenever the one before it was begun, so that what was frozen thaws.
    func make(on source: any SourceImage) async throws -> SnapshotIdentity {
        let expectedName = try await OwnSnapshot.nextName(on: source, now: now)
        do {
            try await run(settings.before, "before", environment(expectedName, result: nil))
            let snapshot = try await OwnSnapshot.make(on: source, quiesce: settings.quiesce, now: now)
            try await run(settings.after, "after", environment(snapshot.name, result: "made"))
            return snapshot
        } catch let error as AfterHookError {
            throw error.underlying
        } catch {
            // A failure of its own is in the log; why there is no snapshot says more.
            try? await run(settings.after, "after", environment(expectedName, result: "failed"))
            throw error
        }
    }

    /// The hook after a snapshot failed; it is not run a second time.
    private struct AfterHookError: Error {
        let underlying: any Error
    }

    private func run(_ hook: Hook?, _ phase: String, _ environment: [String: String]) async throws {
        guard let hook else { return }
        do {
            // Not cut short by a stop: what a hook froze would stay so.
            let result = try await Task { try await hook.run(environment: environment) }.value
            logger.debug(
                "the hook \(phase) the snapshot ended well",
                metadata: ["image": "\(image)", "duration": "\(result.duration)", "output": "\(result.output)"])
        } catch {
            logger.warning(
                "the hook \(phase) the snapshot failed: \(error.oneLine)",
                metadata: ["image": "\(image)", "fatal": "\(hook.isFatal)"])
            guard hook.isFatal else { return }
            throw phase == "after" ? AfterHookError(underlying: error) : error
        }
    }

    private func environment(_ snapshot: String, result: String?) -> [String: String] {
        var variables = ["RBD_FERRY_IMAGE": image, "RBD_FERRY_SNAPSHOT": snapshot]
        variables["RBD_FERRY_RESULT"] = result
        return variables
    }
}
