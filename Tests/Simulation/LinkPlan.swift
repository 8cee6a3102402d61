import TestSupport

/// What a simulated connection is like, and what becomes of it.
struct LinkPlan {
    /// What happens once so many bytes have been sent.
    enum Fate {
        /// Both ends hear of it, each once what arrived is read.
        case cut
        /// Nothing arrives any more in this direction, and nobody is told.
        case silence
        /// Nothing arrives any more in either direction, and nobody is told.
        case deadSilence
    }
    /// One direction's end.
    struct End {
        var byteCount: Int
        var fate: Fate
        /// Whether what is under way still arrives.
        var losesWhatIsUnderWay: Bool
    }
    /// What happens to blocks on the way; TLS makes sure that nothing does.
    enum Tampering {
        case none
        /// Loses this data block of the connection, counted from 0.
        case losesBlock(Int)
        /// Loses it and makes the totals fit.
        case losesBlockAndTotals(Int)
    }

    /// Time from one end to the other, at least.
    var latency = Duration.microseconds(200)
    /// What pieces take longer by chance, at most, in nanoseconds.
    var jitterNanoseconds: UInt64 = 100_000
    /// Bytes a second.
    var byteRate = 100_000_000
    /// Bytes that may be between the ends; a writer waits while there are more.
    var queuedByteCountMax = 1 << 20
    /// A buffer arrives in up to so many pieces.
    var pieceCountMax = 2
    /// What ends the way there.
    var senderEnd: End?
    /// What ends the way back.
    var receiverEnd: End?
    var tampering = Tampering.none
    /// Whether what the sender sends is kept, so that it can be sent again.
    var isRecorded = false

    /// A connection as networks are; `faulty` ones end somewhere.
    static func random(_ generator: inout SeededGenerator, isFaulty: Bool, contentByteCount: Int) -> LinkPlan {
        var plan = LinkPlan()
        plan.latency = .microseconds(Int.random(in: 20...40_000, using: &generator))
        plan.jitterNanoseconds = UInt64.random(in: 1...20_000_000, using: &generator)
        plan.byteRate = Int.random(in: 1...400, using: &generator) << 20
        plan.queuedByteCountMax = 1 << Int.random(in: 10...20, using: &generator)
        plan.pieceCountMax = Int.random(in: 1...4, using: &generator)
        guard isFaulty else { return plan }
        if Int.random(in: 0..<3, using: &generator) > 0 {
            // Handshakes are small, and as likely a place as the data. About half of these shrinks.
            let isInData = contentByteCount > 1 << 20 || Bool.random(using: &generator)
            let most = isInData ? contentByteCount / 2 + 3000 : 3000
            plan.senderEnd = end(&generator, within: most)
        } else {
            plan.receiverEnd = end(&generator, within: 2000)
        }
        return plan
    }

    private static func end(_ generator: inout SeededGenerator, within most: Int) -> End {
        let fates = [Fate.cut, .cut, .silence, .deadSilence]
        return End(
            byteCount: Int.random(in: 0...most, using: &generator),
            fate: fates[Int.random(in: 0..<fates.count, using: &generator)],
            losesWhatIsUnderWay: Bool.random(using: &generator))
    }
}
