public import FerryCore

/// What kept a transfer from being over sooner.
public enum Bottleneck: String, Codable, Sendable, CaseIterable {
    /// The link between the sites.
    case link
    /// Listing what changed at the source.
    case sourceDiff = "source_diff"
    /// Reading from the source's store.
    case sourceRead = "source_read"
    /// The sender's processors.
    case compression
    /// The receiver's processors.
    case decompression
    /// Writing to the mirror's store.
    case mirrorApply = "mirror_apply"
    /// Making what was written durable in the mirror's store.
    case mirrorFlush = "mirror_flush"
    /// A limit that was set.
    case limit
    /// Making snapshots, at either end.
    case snapshots
    /// What every transfer costs, however small.
    case fixedCosts = "fixed_costs"

    /// For people: what it is.
    public var words: String {
        switch self {
        case .link: "the link: the receiver was ready for more than it carried"
        case .sourceDiff: "the source's store: listing what changed"
        case .sourceRead: "the source's store: reading what changed"
        case .compression: "the sender's processors: compression and digests"
        case .decompression: "the receiver's processors: decompression and digests"
        case .mirrorApply: "the mirror's store: writing"
        case .mirrorFlush: "the mirror's store: flushing"
        case .limit: "the limit that is set"
        case .snapshots: "making snapshots"
        case .fixedCosts: "fixed costs: preparing, asking and acknowledging, which do not grow with the amount of data"
        }
    }
}

extension Bottleneck {
    /// Less than this is nothing to look for, in seconds.
    private static let secondsMin = 0.2

    /// The bottleneck of a transfer that took so many seconds, its snapshot included.
    ///
    /// Stages overlap, so the longest of them need not be what the others waited for. What tells is who waited: a
    /// receiver that starves while the sender can't get rid of its blocks waits for the link; a sender that can't get
    /// rid of them although the receiver is busy waits for the mirror; and one that can is slow itself.
    public static func decide(_ times: StageTimes, seconds: Double) -> Bottleneck {
        let costs = costs(times, seconds: seconds)
        guard let most = costs.max(by: { $0.seconds < $1.seconds }), most.seconds >= secondsMin else {
            return .fixedCosts
        }
        return most.bottleneck
    }

    /// How long each candidate held the transfer up; the first of equals counts as the larger.
    private static func costs(_ times: StageTimes, seconds: Double) -> [(bottleneck: Bottleneck, seconds: Double)] {
        let receiverTells = times.microseconds[.receive] != nil
        let send = times.seconds(.send)
        let link = receiverTells ? min(send, times.seconds(.starve)) : send
        // What the receiver still had to apply when everything was sent.
        let afterwards = max(0, times.seconds(.publish) - times.seconds(.mirrorSnapshot))
        let lateStore = min(afterwards, times.seconds(.apply) + times.seconds(.flush))
        let mirror = times.seconds(.window) + send - link + lateStore
        let fixed = times.seconds(.prepare) + times.seconds(.offer) + times.seconds(.acknowledge)
        let streaming = seconds - fixed - times.seconds(.snapshot) - times.seconds(.publish)
        // Reads wait beside blocks that are sent, so the longer of both counts.
        let limited = max(times.seconds(.limit), times.seconds(.readLimit))
        let making = max(0, streaming - send - times.seconds(.window) - limited)
        let source = busiest(times, [(.sourceRead, .read), (.sourceDiff, .diff), (.compression, .compress)])
        let receiver = busiest(times, [(.mirrorApply, .apply), (.mirrorFlush, .flush), (.decompression, .inflate)])
        return [
            (.fixedCosts, fixed + afterwards - lateStore),
            (.snapshots, times.seconds(.snapshot) + times.seconds(.mirrorSnapshot)),
            (receiver.bottleneck, mirror),
            (source.bottleneck, min(making, source.seconds)),
            (.link, link),
            (.limit, limited),
        ]
    }

    private static func busiest(
        _ times: StageTimes, _ stages: [(bottleneck: Bottleneck, stage: TransferStage)]
    ) -> (bottleneck: Bottleneck, seconds: Double) {
        stages.map { ($0.bottleneck, times.seconds($0.stage)) }
            .reduce((stages[0].bottleneck, 0)) { $1.1 > $0.1 ? $1 : $0 }
    }
}
