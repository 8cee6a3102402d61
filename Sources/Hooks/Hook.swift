/// A command that is run before or after a snapshot.
public struct Hook: Hashable, Sendable {
    /// Program and arguments; no shell is between.
    public var command: [String]
    /// How long it may take, in seconds.
    public var timeoutSeconds: Int64
    /// Whether its failure ends the run.
    public var isFatal: Bool

    /// A hook from its parts.
    public init(command: [String], timeoutSeconds: Int64, isFatal: Bool) {
        self.command = command
        self.timeoutSeconds = timeoutSeconds
        self.isFatal = isFatal
    }

    /// Runs it with these variables added to our environment. Throws `HookError`.
    public func run(environment: [String: String]) async throws {}
}
