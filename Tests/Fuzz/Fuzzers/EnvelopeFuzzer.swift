import DiffStream
import FerryCore

/// Streams whose format is told by their banner, the image envelope with its history first: the same is said however the
/// bytes are cut, and a stream that is right comes back when it is made anew.
///
/// Input: options, slicing, then the stream.
enum EnvelopeFuzzer: Fuzzer {
    static let name = "envelope"

    static func seeds(golden: [[UInt8]]) -> [[UInt8]] {
        let short = golden.filter { $0.starts(with: "rbd ".utf8) }.map { Array($0.prefix(4096)) }
        return short.flatMap { [[0, 0] + $0, [0, 1] + $0, [0, 133] + $0] }
            + [[0, 7] + history(diffCount: 4), [1, 0] + history(diffCount: 4), [0, 0] + history(diffCount: 1)]
    }

    /// A history of small diffs, with metadata.
    private static func history(diffCount: UInt64) -> [UInt8] {
        let image = ImageHeader(
            order: 22, features: 61, stripeUnit: 1 << 22, stripeCount: 1,
            metadata: [.init(key: "conf_rbd_cache", value: "true"), .init(key: "", value: "")])
        let format = ImageV2Format()
        var bytes: [UInt8] = []
        format.appendOpening(image, diffCount: diffCount, to: &bytes)
        for number in 1...diffCount {
            format.appendDiffOpening(
                DiffHeader(
                    fromSnapshot: number > 1 ? "s\(number - 1)" : nil, toSnapshot: "s\(number)",
                    isProtected: number > 2, imageByteCount: 4096 * number), to: &bytes)
            format.appendWriteHeader(Extent(offset: 3, byteCount: 2), to: &bytes)
            bytes += [7, 8]
            format.appendZero(Extent(offset: 100, byteCount: 1000), to: &bytes)
            format.appendEnd(to: &bytes)
        }
        return bytes
    }

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        var limits = DiffLimits.file
        if input.byte() & 1 != 0 { limits.diffCountMax = 3 }
        let slicing = Slicing(seed: input.byte())
        let bytes = input.remainder()
        let whole = read(bytes, Slicing(seed: 0), limits)
        require(read(bytes, slicing, limits) == whole, "slices change nothing")
        guard whole.error == nil, !whole.hasSkippedRecords else { return }
        var again: [UInt8] = []
        if case .event(.image(let image))? = whole.steps.first,
            case .event(.diffCount(let count))? = whole.steps.dropFirst().first
        {
            require(count <= UInt64(limits.diffCountMax), "a history has no more diffs than the limit")
            ImageV2Format().appendOpening(image, diffCount: count, to: &again)
        }
        again += whole.encodedDiffs
        require(read(again, slicing, limits) == whole, "a stream made anew says the same")
    }

    private static func read(_ bytes: [UInt8], _ slicing: Slicing, _ limits: DiffLimits) -> DiffReading {
        var stream = CheckedStream(limits: limits)
        return DiffReading(bytes, slicing) { (span, position) throws(DiffError) in
            try stream.next(span, at: &position)
        } checkEnd: { () throws(DiffError) in
            try stream.checkEnd()
        }
    }
}
