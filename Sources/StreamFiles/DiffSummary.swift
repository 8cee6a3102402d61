public import DiffStream

/// What one diff of a stream says.
public struct DiffSummary: Hashable, Sendable {
    /// What stands in front of its extents.
    public let header: DiffHeader
    /// What was counted in it.
    public let totals: DiffTotals

    /// A summary from its parts.
    public init(header: DiffHeader, totals: DiffTotals) {
        self.header = header
        self.totals = totals
    }

    /// A summary of a whole diff that was written, of whose totals the extents were counted.
    init(whole header: DiffHeader, _ extents: DiffTotals) {
        var totals = extents
        totals.recordCount = header.recordCount + extents.writeCount + extents.zeroCount + 1
        self.init(header: header, totals: totals)
    }
}

extension DiffHeader {
    /// Records in front of the first extent.
    fileprivate var recordCount: Int {
        (fromSnapshot == nil ? 0 : 1) + (toSnapshot == nil ? 0 : 1) + (isProtected == nil ? 0 : 1)
            + (imageByteCount == nil ? 0 : 1)
    }
}
