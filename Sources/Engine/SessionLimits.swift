/// How long a session waits for what. Settable so that tests need not wait.
public struct SessionLimits: Sendable {
    /// A side that has sent nothing for this long says that it is still here.
    public var keepAliveInterval: Duration
    /// A peer that says nothing for this long, though we listen, counts as gone.
    public var peerSilenceMax: Duration
    /// The greeting must be exchanged within this.
    public var greetingMax: Duration
    /// An offer must be answered within this; a roll back of a large image takes its time.
    public var answerMax: Duration
    /// A transfer in which nothing is read, sent or made durable for this long has stalled.
    public var stallMax: Duration
    /// While a transfer comes in, a whole block must arrive within this, whatever else does: a peer that only keeps the
    /// connection alive must not hold a mirror for ever. Honest senders are silent while they scan what has not changed,
    /// and need 35 minutes for the largest block at the lowest limit that 64 transfers can share.
    public var blockMax: Duration
    /// After the totals, the snapshot must be published within this.
    public var publishMax: Duration

    /// Limits; by default those of a wide area link and a busy cluster.
    public init(
        keepAliveInterval: Duration = .seconds(5), peerSilenceMax: Duration = .seconds(60),
        greetingMax: Duration = .seconds(30), answerMax: Duration = .seconds(3600),
        stallMax: Duration = .seconds(120), blockMax: Duration = .seconds(3600),
        publishMax: Duration = .seconds(600)
    ) {
        self.keepAliveInterval = keepAliveInterval
        self.peerSilenceMax = peerSilenceMax
        self.greetingMax = greetingMax
        self.answerMax = answerMax
        self.stallMax = stallMax
        self.blockMax = blockMax
        self.publishMax = publishMax
    }
}
