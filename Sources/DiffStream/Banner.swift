import FerryCore

/// Whether `bytes` from `start` on are `banner`. A byte that differs is an error at once, even if more is awaited.
func parseBanner(
    _ banner: StaticString, in bytes: Span<UInt8>, from start: Int, at record: RecordPosition
) throws(DiffError) -> RecordHead<Void> {
    let byteCount = banner.utf8CodeUnitCount
    let isEqual = banner.withUTF8Buffer { expected in
        let comparedCount = min(byteCount, bytes.count - start)
        return (0..<comparedCount).allSatisfy { bytes[start + $0] == expected[$0] }
    }
    guard isEqual else { throw DiffError(.badBanner, at: record) }
    return bytes.count - start >= byteCount ? .complete((), byteCount: byteCount) : .needs(byteCount: byteCount)
}
