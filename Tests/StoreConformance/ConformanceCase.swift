public import ImageStore

/// One thing that every store must do. A failed expectation is thrown as `ConformanceFailure`.
public struct ConformanceCase: Sendable, CustomStringConvertible {
    /// A sentence about behaviour.
    public let name: String
    private let body: @Sendable (ScratchImage) async throws -> Void

    /// A case that gets a scratch image to work with.
    init(_ name: String, _ body: @escaping @Sendable (ScratchImage) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Runs the case. It makes images under names of its own, which begin with `prefix`, and removes them again, also
    /// when it fails.
    public func run(_ store: any ImageStore, prefix: String = "") async throws {
        try await ScratchImage.with(store, prefix: prefix, body)
    }

    /// The sentence.
    public var description: String { name }
}

/// The suite for everything that calls itself an `ImageStore`.
///
/// Cheap enough for a shared cluster: images of at most 32 MiB with few snapshots.
public enum StoreConformance {
    /// All cases; they may run side by side on one store.
    public static let cases: [ConformanceCase] =
        imageCases + sizeCases + snapshotCases + pinCases + metadataCases + writeCases + headReadCases + deltaCases
        + historyCases
        + firstChangeCases + lockCases + leaseCases + [randomCase(seed: 1)]
}
