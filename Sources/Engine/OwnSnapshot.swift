public import FerryCore
public import FoundationEssentials
public import ImageStore
import Planning

/// Makes a snapshot of an image and returns it.
public typealias SnapshotMaker = @Sendable (any SourceImage) async throws -> SnapshotIdentity

/// Snapshots that we make, named by the time.
public enum OwnSnapshot {
    /// Makes one.
    public static func make(
        on image: any SourceImage, quiesce: QuiescePolicy, now: @Sendable () -> Date
    ) async throws -> SnapshotIdentity {
        var lastError: StoreError?
        for _ in 0..<3 {
            let name = try await nextName(on: image, now: now)
            do throws(StoreError) {
                return try await image.createSnapshot(name, quiesce: quiesce).identity
            } catch {
                // Someone else chose the same name in the same second.
                guard error.reason == .alreadyExists else { throw error }
                lastError = error
            }
        }
        throw lastError ?? StoreError(.alreadyExists, "create snapshot", image.identity.description)
    }

    /// The name that one would have now.
    public static func nextName(on image: any SourceImage, now: @Sendable () -> Date) async throws -> String {
        SnapshotName.own(at: now(), taken: Set(try await image.snapshots().map(\.identity.name)))
    }
}
