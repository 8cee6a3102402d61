/// How long each stage of a transfer took: the time during which at least one operation of it was under way, to the
/// microsecond. As JSON an object of seconds, such as `{"read_seconds": 1.5}`, without the stages that did not occur.
public struct StageTimes: Hashable, Sendable {
    /// Longest time of one stage that is taken over from elsewhere, in microseconds (ten years): sums never overflow.
    public static let microsecondsMax: UInt64 = 10 * 366 * 86_400 * 1_000_000
    /// Microseconds of the stages that occurred.
    public private(set) var microseconds: [TransferStage: UInt64] = [:]

    /// No stage occurred.
    public init() {}

    /// Whether no stage occurred.
    public var isEmpty: Bool { microseconds.isEmpty }

    /// Seconds that a stage took; 0 for one that did not occur.
    public func seconds(_ stage: TransferStage) -> Double { Double(microseconds[stage] ?? 0) / 1_000_000 }

    /// Adds to a stage.
    public mutating func add(microseconds count: UInt64, to stage: TransferStage) {
        let (sum, isTooLong) = microseconds[stage, default: 0].addingReportingOverflow(count)
        microseconds[stage] = isTooLong ? .max : sum
    }

    /// Adds a time that is not negative to a stage.
    public mutating func add(_ duration: Duration, to stage: TransferStage) {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return }
        let whole = min(UInt64(seconds), Self.microsecondsMax / 1_000_000)
        add(microseconds: whole * 1_000_000 + UInt64(attoseconds) / 1_000_000_000_000, to: stage)
    }

    /// Adds the times of another transfer, or of the same one's other end.
    public mutating func add(_ other: StageTimes) {
        for (stage, count) in other.microseconds { add(microseconds: count, to: stage) }
    }

    /// The times of one end only.
    public func ofReceiver(_ isReceivers: Bool) -> StageTimes {
        var times = StageTimes()
        times.microseconds = microseconds.filter { $0.key.isReceivers == isReceivers }
        return times
    }
}

extension StageTimes: Codable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ stage: TransferStage) { stringValue = "\(stage)Seconds" }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Reads what `encode` wrote; stages of a later release are passed over.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for stage in TransferStage.allCases {
            guard let seconds = try container.decodeIfPresent(Double.self, forKey: Key(stage)) else { continue }
            guard (0...Double(Self.microsecondsMax) / 1_000_000).contains(seconds) else {
                throw DecodingError.dataCorruptedError(
                    forKey: Key(stage), in: container, debugDescription: "\(seconds) seconds")
            }
            microseconds[stage] = UInt64((seconds * 1_000_000).rounded())
        }
    }

    /// Writes the stages that occurred.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for stage in microseconds.keys { try container.encode(seconds(stage), forKey: Key(stage)) }
    }
}
