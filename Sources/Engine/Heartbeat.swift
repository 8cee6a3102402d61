import Conversation

/// Keeps a quiet session alive, and notices a peer that is gone.
struct Heartbeat {
    let reader: RecordReader
    let writer: RecordWriter
    let limits: SessionLimits

    /// Runs until cancelled; throws `EngineError.peerSilent` when the peer says nothing although we listen, and
    /// what `check` throws, which is asked at every beat.
    func run(check: () throws -> Void = {}) async throws {
        // A keep-alive may wait for a link that takes nothing, and must not hold the watches up.
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                try await Task.sleep(for: limits.keepAliveInterval / 2)
                try check()
                if reader.waitingTime > limits.peerSilenceMax {
                    throw EngineError.peerSilent(seconds: limits.peerSilenceMax.components.seconds)
                }
                if writer.idleTime >= limits.keepAliveInterval { group.addTask { try await writer.keepAlive() } }
            }
        }
    }
}

/// Notices a transfer in which nothing moves: a hung cluster on either side does not say so itself.
struct StallWatch {
    private let limit: Duration
    private var last: TransferMeter.Counts?
    private var since = ContinuousClock.now

    /// A watch that lets nothing move for `limit`.
    init(limit: Duration) {
        self.limit = limit
    }

    /// Throws `EngineError.stalled` when the counts have been the same for the limit; nil counts: no transfer. Who waits
    /// for memory that others hold is not at a standstill himself.
    mutating func check(_ counts: TransferMeter.Counts?, now: ContinuousClock.Instant = .now) throws(EngineError) {
        if counts == nil || counts != last || counts?.waitsForOthers == true {
            last = counts
            since = now
        } else if let counts, now - since > limit {
            let what =
                counts.durableContentByteCount < counts.contentByteCount
                ? "nothing became durable on the mirror" : "nothing could be read from the source"
            throw .stalled(what: what, seconds: limit.components.seconds)
        }
    }
}
