import Conversation
import FerryCore
import ImageStore
import Planning

/// Finds where a snapshot differs from the mirror's head: each end digests what it holds, and only digests travel.
///
/// A span at a time: a digest for each of its leaves first; where those differ, one for each grain of them. After a span in
/// which most leaves differ the grains are asked about at once, from the next but one on: to read all twice costs more than
/// their digests. The next span is digested, and asked about, while this one is sent. One caller at a time, who goes up through the image.
actor DigestComparison {
    /// What one question for leaves is about: little enough that a slow mirror answers before it counts as stalled.
    static let spanByteCount = 16 * Limits.digestLeafByteCount
    private static let leafByteCount = Limits.digestLeafByteCount
    private static let grainByteCount = Limits.digestGrainByteCountMin

    /// Asks for digests of the head, by grains of this many bytes.
    typealias Ask = @Sendable (_ extents: [Extent], _ grainByteCount: UInt64) async throws -> Digests

    /// What differs of a span: grains, or leaves that have to be narrowed.
    private struct Found: Sendable {
        let extents: [Extent]
        let areGrains: Bool
    }
    private struct Ahead {
        let span: Extent
        let search: Task<Found, any Error>
    }
    private let byteCount: UInt64
    private let digester: GrainDigester
    private let ask: Ask
    private var ahead: Ahead?
    /// Whether most leaves of the last span differed.
    private var differsMostly = false

    /// A comparison with a snapshot of this size, which `digester` reads.
    init(byteCount: UInt64, digester: GrainDigester, ask: @escaping Ask) {
        self.byteCount = byteCount
        self.digester = digester
        self.ask = ask
    }

    /// What differs in the next span, at or after `offset`, to the grain.
    @Sendable func extents(from offset: UInt64) async throws -> ExtentBatch {
        guard let span = span(from: offset) else { return ExtentBatch(extents: [], scannedTo: byteCount) }
        let search = begin(span)
        ahead = self.span(from: span.end).map { Ahead(span: $0, search: begin($0)) }
        let found = try await withTaskCancellationHandler {
            try await search.value
        } onCancel: {
            search.cancel()
        }
        differsMostly = Self.differsMostly(found.extents, span)
        let grains = found.areGrains ? found.extents : try await Self.narrowed(found.extents, digester, ask)
        return ExtentBatch(
            extents: grains.compactMap { $0.clipped(from: offset).map { ChangedExtent($0, .data) } },
            scannedTo: span.end)
    }

    /// Ends what was begun ahead. Waits for it.
    func close() async {
        ahead?.search.cancel()
        _ = await ahead?.search.result
        ahead = nil
    }

    /// From the leaf that `offset` lies in to the end of its span; nil at the end of the image.
    private func span(from offset: UInt64) -> Extent? {
        guard offset < byteCount else { return nil }
        let start = offset / Self.leafByteCount * Self.leafByteCount
        let end = min(byteCount, (start / Self.spanByteCount + 1) * Self.spanByteCount)
        return Extent(offset: start, byteCount: end - start)
    }

    /// The search for what differs of a span, begun now unless it was begun ahead.
    private func begin(_ span: Extent) -> Task<Found, any Error> {
        if let ahead, ahead.span == span { return ahead.search }
        return Task { [digester, ask, differsMostly] in
            let byteCount = differsMostly ? Self.grainByteCount : Self.leafByteCount
            let extents = try await Self.differing([span], byteCount, digester, ask)
            return Found(extents: extents, areGrains: differsMostly)
        }
    }

    /// Whether more than half of a span's leaves have something that differs.
    private static func differsMostly(_ extents: [Extent], _ span: Extent) -> Bool {
        var leaves = Set<UInt64>()
        for extent in extents { leaves.formUnion(extent.offset / leafByteCount...(extent.end - 1) / leafByteCount) }
        return UInt64(leaves.count) * 2 * leafByteCount > span.byteCount
    }

    /// The grains that differ of leaves that do. Throws `ProofConflict.unsteady` for a leaf of which none does.
    static func narrowed(_ leaves: [Extent], _ digester: GrainDigester, _ ask: Ask) async throws -> [Extent] {
        guard !leaves.isEmpty else { return [] }
        let grains = try await differing(leaves, grainByteCount, digester, ask)
        for leaf in leaves where !grains.contains(where: { $0.offset < leaf.end && leaf.offset < $0.end }) {
            // To believe the second answer would be to leave something out.
            throw ProofConflict.unsteady(leaf)
        }
        return grains
    }

    /// Which grains of the extents differ; neighbours joined.
    static func differing(
        _ extents: [Extent], _ grainByteCount: UInt64, _ digester: GrainDigester, _ ask: Ask
    ) async throws -> [Extent] {
        async let theirs = ask(extents, grainByteCount)
        let ours = try await digester.digests(of: extents, grainByteCount: grainByteCount)
        let answer = try await theirs
        let query = DigestQuery(number: 0, extents: extents, grainByteCount: grainByteCount, isFolded: false)
        var differing: [Extent] = []
        for (index, grain) in query.grains.enumerated() {
            let range = index * Digests.digestByteCount..<(index + 1) * Digests.digestByteCount
            guard ours[range] != answer[index] else { continue }
            differing.appendJoining(grain)
        }
        return differing
    }
}
