import FerryCore

/// Tells a stream's format by its first bytes, which may come one by one.
struct FormatDetector: Sendable {
    private var candidates: [any StreamFormat]
    private var takenByteCount = 0

    /// A detector at the start of a stream.
    init(formats: [any StreamFormat]) { candidates = formats }

    /// Whether a byte was seen.
    var hasBegun: Bool { takenByteCount > 0 }

    /// Takes bytes of `input` from `position` on, up to the end of a banner; nil when more are needed.
    /// A byte that fits no banner is an error at once.
    mutating func next(_ input: Span<UInt8>, at position: inout Int) throws(DiffError) -> (any StreamFormat)? {
        while position < input.count {
            let (byte, index) = (input[position], takenByteCount)
            candidates.removeAll { $0.banner.byte(at: index) != byte }
            guard !candidates.isEmpty else { throw DiffError(.badBanner, at: .start) }
            position += 1
            takenByteCount += 1
            if let format = candidates.first(where: { $0.banner.utf8CodeUnitCount == takenByteCount }) { return format }
        }
        return nil
    }
}

extension RecordPosition {
    /// Where every stream starts: at its banner.
    static let start = RecordPosition(number: 0, byteOffset: 0)
}

extension StaticString {
    fileprivate func byte(at index: Int) -> UInt8? {
        withUTF8Buffer { index < $0.count ? $0[index] : nil }
    }
}
