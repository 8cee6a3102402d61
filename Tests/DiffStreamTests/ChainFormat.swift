import DiffStream
import FerryCore

/// A format of the tests' own: a banner, then v1 records of any number of diffs, of which nobody says how many.
struct ChainFormat: StreamFormat {
    let name = "chain"
    let banner: StaticString = "rbd diff chain\n"
    let isHistory = true
    let saysProtection = true
    private let records = DiffV1Format()

    func makeDecoder(limits: DiffLimits) -> any StreamDecoder {
        ChainDecoder(limits: limits, bannerRest: banner.utf8CodeUnitCount)
    }

    func appendOpening(_ image: ImageHeader, diffCount: UInt64, to output: inout [UInt8]) {
        output += Array(banner.description.utf8)
    }

    func appendDiffOpening(_ header: DiffHeader, to output: inout [UInt8]) {
        var opening: [UInt8] = []
        records.appendDiffOpening(header, to: &opening)
        output += opening.dropFirst(records.banner.utf8CodeUnitCount)
    }

    func appendWriteHeader(_ extent: Extent, to output: inout [UInt8]) {
        records.appendWriteHeader(extent, to: &output)
    }

    func appendZero(_ extent: Extent, to output: inout [UInt8]) { records.appendZero(extent, to: &output) }

    func appendEnd(to output: inout [UInt8]) { records.appendEnd(to: &output) }
}

private struct ChainDecoder: StreamDecoder {
    private let limits: DiffLimits
    private var bannerRest: Int
    private var diff: DiffDecoder

    init(limits: DiffLimits, bannerRest: Int) {
        self.limits = limits
        self.bannerRest = bannerRest
        diff = DiffDecoder(.v1, banner: .absent, limits: limits, byteOffset: UInt64(bannerRest))
    }

    var record: RecordPosition { diff.record }

    mutating func next(_ input: Span<UInt8>, at position: inout Int) throws(DiffError) -> StreamEvent? {
        let skipped = min(bannerRest, input.count - position)
        position += skipped
        bannerRest -= skipped
        if diff.isAtEnd, position < input.count {
            diff = DiffDecoder(.v1, banner: .absent, limits: limits, byteOffset: diff.takenByteCount)
        }
        return try diff.next(input, at: &position).map { .diff($0) }
    }

    func checkEnd() throws(DiffError) { try diff.checkEnd() }
}
