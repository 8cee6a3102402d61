public import FerryCore

/// What a proof showed, for the receiver to keep with the mirror.
public struct ProofResult: Codable, Equatable, Sendable {
    /// What was to be compared, in words that both ends' status shows: `full`, `changed`, `slice 3/7`, `5 percent`.
    public var scope: String
    /// Size of the snapshot, in bytes.
    public var imageByteCount: UInt64
    /// Bytes that were compared.
    public var comparedByteCount: UInt64
    /// Bytes that differ.
    public var differingByteCount: UInt64
    /// Where they are; the first `Limits.differingExtentCountMax` stretches.
    public var differing: [Extent]
    /// Whether the alarm that an earlier proof raised is over: what differed was repaired and proven, or the operator says so.
    public var endsAlarm: Bool

    private enum CodingKeys: String, CodingKey {
        case scope, differing
        case imageByteCount = "size_bytes"
        case comparedByteCount = "compared_bytes"
        case differingByteCount = "differing_bytes"
        case endsAlarm = "ends_alarm"
    }

    /// A result from its parts.
    public init(
        scope: String, imageByteCount: UInt64, comparedByteCount: UInt64, differingByteCount: UInt64,
        differing: [Extent], endsAlarm: Bool
    ) {
        self.scope = scope
        self.imageByteCount = imageByteCount
        self.comparedByteCount = comparedByteCount
        self.differingByteCount = differingByteCount
        self.differing = differing
        self.endsAlarm = endsAlarm
    }

    /// Reads a result; its scope is made printable.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        scope = try container.decode(String.self, forKey: .scope).printable
        imageByteCount = try container.decode(UInt64.self, forKey: .imageByteCount)
        comparedByteCount = try container.decode(UInt64.self, forKey: .comparedByteCount)
        differingByteCount = try container.decode(UInt64.self, forKey: .differingByteCount)
        differing = try container.decode(ExtentPairs.self, forKey: .differing).extents
        endsAlarm = try container.decode(Bool.self, forKey: .endsAlarm)
    }

    /// Writes a result.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(scope, forKey: .scope)
        try container.encode(imageByteCount, forKey: .imageByteCount)
        try container.encode(comparedByteCount, forKey: .comparedByteCount)
        try container.encode(differingByteCount, forKey: .differingByteCount)
        try container.encode(ExtentPairs(differing), forKey: .differing)
        try container.encode(endsAlarm, forKey: .endsAlarm)
    }

    /// Throws unless the numbers fit each other and the limits.
    func check() throws(ProtocolViolation) {
        guard scope.utf8.count <= 64, differing.count <= Limits.differingExtentCountMax,
            imageByteCount <= Limits.imageByteCountMax, comparedByteCount <= imageByteCount,
            differingByteCount <= comparedByteCount,
            let listed = differing.ascendingByteCount(upTo: imageByteCount), listed <= differingByteCount
        else {
            throw ProtocolViolation(
                .contradiction("result of a proof", expected: "numbers that fit each other", found: "\(scope)"))
        }
    }
}
