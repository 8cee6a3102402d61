import Engine
import FerryCore
import Planning
import TestSupport

/// What a seed's sites are like.
struct WorldSettings {
    var order: VirtualExecutor.Order
    var imageByteCount: UInt64
    var checkpointByteCount: UInt64
    var checkpointInterval: Duration
    var limits: SessionLimits
    /// Store operations take up to so long.
    var operationNanosecondsMax: UInt64
    var faultsPerTenThousand: UInt64
    var sourceKeep: Retention
    var mirrorKeep: Retention
    /// Whether runs are an agent's: snapshots by schedule, lists of targets, retention.
    var isAgent: Bool
    /// Whether senders lease the image. Agents do; then two never get at each other's notes, whatever becomes of the mirror.
    var isLeased: Bool
    var compression: CompressionPolicy
    var byteRate: UInt64?
    var prefix: String
    /// Whether connections are recorded, to be sent again.
    var isRecorded: Bool

    init(_ generator: inout SeededGenerator) {
        order = VirtualExecutor.Order.allCases.random(&generator)
        imageByteCount = Self.imageByteCount(&generator)
        checkpointByteCount =
            UInt64(Limits.blockContentByteCountMax) + UInt64.random(in: 0...(2 << 20), using: &generator)
        checkpointInterval = [.zero, .milliseconds(20), .seconds(1), .seconds(5)].random(&generator)
        limits = Bool.random(using: &generator) ? SessionLimits() : Self.shortLimits
        operationNanosecondsMax = [1000, 1_000_000, 50_000_000].random(&generator)
        faultsPerTenThousand = [0, 0, 30, 100].random(&generator)
        sourceKeep = Self.keep(&generator)
        mirrorKeep = Self.keep(&generator)
        isAgent = Bool.random(using: &generator)
        isLeased = Int.random(in: 0..<4, using: &generator) > 0
        compression = [.none, .level(1), .adaptive].random(&generator)
        byteRate = Int.random(in: 0..<8, using: &generator) == 0 ? 300_000 : nil
        prefix = Bool.random(using: &generator) ? "" : "m-"
        isRecorded = Int.random(in: 0..<4, using: &generator) == 0
    }

    private static func imageByteCount(_ generator: inout SeededGenerator) -> UInt64 {
        // A block holds up to 1 MiB: only large images have transfers that stop between two of them.
        let sizes: ClosedRange<UInt64> =
            switch Int.random(in: 0..<20, using: &generator) {
            case 0..<13: 16 << 10...128 << 10
            case 13..<18: 128 << 10...512 << 10
            default: 2 << 20...4 << 20
            }
        let size = UInt64.random(in: sizes, using: &generator)
        return Bool.random(using: &generator) ? size & ~4095 : size
    }

    private static var shortLimits: SessionLimits {
        SessionLimits(
            keepAliveInterval: .seconds(1), peerSilenceMax: .seconds(6), greetingMax: .seconds(5),
            answerMax: .seconds(400), stallMax: .seconds(20), publishMax: .seconds(400))
    }

    private static func keep(_ generator: inout SeededGenerator) -> Retention {
        var rules = RetentionRules()
        rules.last = Int.random(in: 0...4, using: &generator)
        return rules.last == 0 ? .all : .rules(rules)
    }
}

extension Array {
    /// One of them.
    func random(_ generator: inout SeededGenerator) -> Element {
        self[Int(generator.next() % UInt64(count))]
    }
}
