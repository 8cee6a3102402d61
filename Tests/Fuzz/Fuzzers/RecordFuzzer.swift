import DiffStream
import FerryCore

/// The decoder and the checker of one diff, v1 and v2: the same is said however the bytes are cut, and a diff that is
/// right comes back when it is made anew.
///
/// Input: options, slicing, then the diff.
enum RecordFuzzer: Fuzzer {
    static let name = "records"

    static func seeds(golden: [[UInt8]]) -> [[UInt8]] {
        let (v1Banner, v2Banner) = (Array("rbd diff v1\n".utf8), Array("rbd diff v2\n".utf8))
        return golden.flatMap { file -> [[UInt8]] in
            let short = Array(file.prefix(8192))
            if short.starts(with: v1Banner) { return [[0x0a, 0] + short, [0x0a, 9] + short] }
            if short.starts(with: v2Banner) {
                return [[0x0b, 0] + short, [0x0b, 200] + short, [0x05, 1] + short.dropFirst(v2Banner.count)]
            }
            return []
        }
    }

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let options = input.byte()
        let slicing = Slicing(seed: input.byte())
        let bytes = input.remainder()
        let whole = read(bytes, Slicing(seed: 0), options)
        require(read(bytes, slicing, options) == whole, "slices change nothing")
        guard whole.error == nil, !whole.hasSkippedRecords else { return }
        // The same events, as a file of v2.
        let again = read(whole.encodedDiffs, slicing, options | 0x0b)
        require(again == whole, "a diff made anew says the same")
    }

    /// Bits of `options`: v2 (1), limits of files (2), a diff must lead to a snapshot (4), a banner is required (8).
    private static func read(_ bytes: [UInt8], _ slicing: Slicing, _ options: UInt8) -> DiffReading {
        let isFile = options & 0x02 != 0
        var decoder = DiffDecoder(
            options & 0x01 != 0 ? .v2 : .v1, banner: options & 0x08 != 0 ? .required : .absent,
            limits: isFile ? .file : .wire)
        var checker = DiffChecker(toSnapshot: options & 0x04 != 0 ? .required : .optional)
        return DiffReading(bytes, slicing) { (span, position) throws(DiffError) in
            guard let event = try decoder.next(span, at: &position) else { return nil }
            try checker.check(event, at: decoder.record)
            return .diff(event)
        } checkEnd: { () throws(DiffError) in
            try decoder.checkEnd()
        }
    }
}
