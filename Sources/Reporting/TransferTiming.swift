public import FerryCore

/// Where the time of one or several transfers went.
public struct TransferTiming: Codable, Hashable, Sendable {
    /// How long it took from the snapshot to the acknowledgement.
    public var durationSeconds: Double
    /// How long each stage took. Stages overlap; together they can be longer than the whole.
    public var stages: StageTimes
    /// What kept it from being over sooner.
    public var bottleneck: Bottleneck

    /// The timing of transfers that took so long together, with the times of both ends where the receiver tells.
    public init(_ stages: StageTimes, duration: Duration) {
        durationSeconds = Double(duration.milliseconds) / 1000
        self.stages = stages
        bottleneck = Bottleneck.decide(stages, seconds: durationSeconds)
    }

    /// For people: a table of the stages, and what the bottleneck is.
    public var lines: [String] {
        var table = TextTable(["STAGE", "SECONDS", "SHARE", "WHAT"])
        for stage in TransferStage.allCases where stages.microseconds[stage] != nil {
            table.add([
                stage.rawValue, Quantity.decimal(stages.seconds(stage)), share(stages.seconds(stage)), stage.words,
            ])
        }
        table.add(["whole", Quantity.decimal(durationSeconds), share(durationSeconds), "stages overlap"])
        let wasSent = stages.microseconds[.send] != nil
        let end = wasSent && stages.ofReceiver(true).isEmpty ? "; the receiver does not tell its times" : ""
        return table.lines + ["bottleneck: \(bottleneck.words)\(end)"]
    }

    private func share(_ seconds: Double) -> String {
        guard durationSeconds > 0 else { return "" }
        return "\(Quantity.decimal(min(seconds / durationSeconds, 1) * 100, digits: 0)) %"
    }
}

extension TransferStage {
    /// For people: what it is.
    fileprivate var words: String {
        switch self {
        case .snapshot: "sender: making the snapshot"
        case .prepare: "sender: looking at and protecting snapshots, storing state"
        case .offer: "sender: waiting for the receiver's answer"
        case .diff: "sender: listing what changed"
        case .read: "sender: reading what changed"
        case .readLimit: "sender: held back by the limit on reads"
        case .limit: "sender: held back by a limit"
        case .compress: "sender: compression and digests"
        case .send: "sender: waiting for the link"
        case .window: "sender: waiting until more is durable on the mirror"
        case .receive: "receiver: waiting for data"
        case .starve: "receiver: waiting for data with nothing else to do"
        case .inflate: "receiver: decompression and digests"
        case .apply: "receiver: writing to the mirror"
        case .flush: "receiver: flushing, and storing how far it is"
        case .mirrorSnapshot: "receiver: making the mirror's snapshot"
        case .publish: "sender: waiting until the mirror is published"
        case .acknowledge: "sender: storing what the mirror holds"
        }
    }
}
