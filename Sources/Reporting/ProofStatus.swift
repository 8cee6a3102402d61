public import FerryCore
public import FoundationEssentials

/// A comparison of a mirror's snapshot with its source's that came to its end.
public struct ProofStatus: Codable, Hashable, Sendable {
    /// The source's snapshot.
    public var snapshot: String
    /// The mirror's.
    public var mirrorSnapshot: String
    /// When it ended.
    public var at: Date
    /// What was to be compared: `full`, `changed`, `slice 3/7`, `5 percent`.
    public var scope: String
    /// Size of the image.
    public var imageBytes: UInt64
    /// What was compared of it.
    public var comparedBytes: UInt64
    /// What of that differed, to 64 KiB.
    public var differingBytes: UInt64
    /// `comparedBytes` over `imageBytes`, from 0 to 1.
    public var comparedRatio: Double

    /// A proof from its parts.
    public init(
        snapshot: String, mirrorSnapshot: String, at: Date, scope: String, imageBytes: UInt64, comparedBytes: UInt64,
        differingBytes: UInt64
    ) {
        self.snapshot = snapshot
        self.mirrorSnapshot = mirrorSnapshot
        self.at = at
        self.scope = scope
        self.imageBytes = imageBytes
        self.comparedBytes = comparedBytes
        self.differingBytes = differingBytes
        comparedRatio = Quantity.share(comparedBytes, of: imageBytes)
    }
}

/// A mirror was found to differ, and nobody has mended that or said that it is well.
public struct ProofAlarmStatus: Codable, Hashable, Sendable {
    /// A stretch that differs.
    public struct Range: Codable, Hashable, Sendable {
        /// Where it begins, in bytes.
        public var offsetBytes: UInt64
        /// How long it is.
        public var lengthBytes: UInt64

        /// A stretch.
        public init(_ extent: Extent) {
            offsetBytes = extent.offset
            lengthBytes = extent.byteCount
        }

        /// `1048576+65536`: where it begins, and how long it is.
        public var text: String { "\(offsetBytes)+\(lengthBytes)" }
    }
    /// When the first difference was found.
    public var since: Date
    /// The source's snapshot.
    public var snapshot: String
    /// The mirror's, which is not equal to it.
    public var mirrorSnapshot: String
    /// How much differs, to 64 KiB.
    public var differingBytes: UInt64
    /// The first stretches that differ.
    public var differing: [Range]

    /// An alarm from its parts.
    public init(
        since: Date, snapshot: String, mirrorSnapshot: String, differingBytes: UInt64, differing: [Range]
    ) {
        self.since = since
        self.snapshot = snapshot
        self.mirrorSnapshot = mirrorSnapshot
        self.differingBytes = differingBytes
        self.differing = differing
    }
}

/// What is known about whether a mirror equals its source.
public struct ProofStanding: Hashable, Sendable {
    /// The last proof of any scope.
    public var last: ProofStatus?
    /// The last proof of every byte.
    public var lastFull: ProofStatus?
    /// Whether it was found to differ.
    public var alarm: ProofAlarmStatus?

    /// What is known; by default nothing.
    public init(last: ProofStatus? = nil, lastFull: ProofStatus? = nil, alarm: ProofAlarmStatus? = nil) {
        self.last = last
        self.lastFull = lastFull
        self.alarm = alarm
    }
}

extension ImageStatus {
    /// Takes over what is known about whether the mirror equals its source.
    public mutating func note(_ standing: ProofStanding) {
        lastProof = standing.last
        lastFullProof = standing.lastFull
        alarm = standing.alarm
    }
}
