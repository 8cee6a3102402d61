/// A command that is run before or after a snapshot.
public struct Hook: Hashable, Sendable {
    /// Program and arguments; no shell is between. A program without `/` is looked up in PATH.
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

    /// Runs it with these variables added to our environment, in a session of its own, with nothing to read.
    ///
    /// When its time is over or our task is cancelled, all its processes are asked to end (SIGTERM), and killed when
    /// some are left after 5 seconds. Only a program that the kernel does not let end, because a device does not answer,
    /// can take longer. Processes that it leaves behind when it ends by itself go on, but what they write is not read.
    public func run(environment: [String: String]) async throws(HookError) -> HookResult {
        let timeout = Duration.seconds(min(max(timeoutSeconds, 0), Self.timeoutSecondsMax))
        return try await HookRun(command, environment: environment, timeout: timeout, grace: .seconds(5)).result()
    }

    /// Ten years: longer ones would overflow clocks.
    private static let timeoutSecondsMax: Int64 = 315_360_000
}

/// What a command did.
public struct HookResult: Hashable, Sendable {
    /// From before its start until after its end.
    public var duration: Duration
    /// What it wrote to standard output, at most the last 4 KiB. As it came: control characters are in it.
    public var output: String
    /// What it wrote to standard error, likewise.
    public var errorOutput: String

    /// A result from its parts.
    public init(duration: Duration, output: String, errorOutput: String) {
        self.duration = duration
        self.output = output
        self.errorOutput = errorOutput
    }
}
