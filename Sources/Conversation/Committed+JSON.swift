import FerryCore

extension Committed {
    /// Stages that a commit record may name, known ones or not.
    private static let stageCountMax = 64

    private enum CodingKeys: String, CodingKey {
        case target, digest, stages
    }

    /// Reads a commit record. Of the stages only a receiver's that are known are taken over: the sender's are its own.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            target: try container.decode(SnapshotIdentity.self, forKey: .target),
            digest: try container.decode(String.self, forKey: .digest))
        guard let named = try container.decodeIfPresent([String: UInt64].self, forKey: .stages) else { return }
        guard named.count <= Self.stageCountMax, named.values.allSatisfy({ $0 <= StageTimes.microsecondsMax }) else {
            throw DecodingError.dataCorruptedError(
                forKey: .stages, in: container,
                debugDescription: "more than \(Self.stageCountMax) stages, or one of more than ten years")
        }
        var times = StageTimes()
        for stage in TransferStage.allCases where stage.isReceivers {
            if let count = named[stage.rawValue] { times.add(microseconds: count, to: stage) }
        }
        stages = times
    }

    /// Writes it, with the stages in microseconds.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(target, forKey: .target)
        try container.encode(digest, forKey: .digest)
        guard let stages else { return }
        let named = stages.microseconds.map { ($0.key.rawValue, $0.value) }
        try container.encode(Dictionary(uniqueKeysWithValues: named), forKey: .stages)
    }
}
