import Conversation
import FerryCore
import ImageStore
import Synchronization
import Testing
import Threading

@testable import Engine

private let leaf = Limits.digestLeafByteCount
private let grain = Limits.digestGrainByteCountMin
private let span = DigestComparison.spanByteCount

@Suite("A comparison with a head", .timeLimit(.minutes(2)))
struct DigestComparisonTests {
    private static let workers = BlockingThreads(count: 2)

    /// Digests zeros, apart from one byte at each of these offsets.
    private func digester(
        _ ones: [UInt64] = [], onRead: @escaping @Sendable (Int) -> Void = { _ in }
    ) -> GrainDigester {
        GrainDigester(
            read: { reads, buffer in
                onRead(buffer.byteCount)
                defer { onRead(-buffer.byteCount) }
                buffer.clear()
                for read in reads {
                    for offset in ones where (read.extent.offset..<read.extent.end).contains(offset) {
                        buffer.unsafeBytes[read.position + Int(offset - read.extent.offset)] = 1
                    }
                }
                await Task.yield()
            }, workers: Self.workers)
    }

    /// A head of zeros that is asked.
    private func ask() -> DigestComparison.Ask {
        { [digester = digester()] extents, grainByteCount in
            let bytes = try await digester.digests(of: extents, grainByteCount: grainByteCount)
            return Digests(number: 0, bytes: bytes)
        }
    }

    private func all(_ comparison: DigestComparison, byteCount: UInt64) async throws -> [Extent] {
        var extents: [Extent] = []
        var offset: UInt64 = 0
        while offset < byteCount {
            let batch = try await comparison.extents(from: offset)
            extents += batch.extents.map(\.extent)
            #expect(batch.scannedTo > offset)
            offset = batch.scannedTo
        }
        await comparison.close()
        return extents
    }

    @Test("finds what differs to the grain, neighbours joined")
    func finds() async throws {
        let byteCount = span + 2 * leaf + 5
        let ones = [0, grain, 3 * grain - 1, leaf + 7, span - 1, span, byteCount - 1]
        let found = try await all(
            DigestComparison(byteCount: byteCount, digester: digester(ones), ask: ask()), byteCount: byteCount)
        #expect(
            found == [
                Extent(offset: 0, byteCount: 3 * grain), Extent(offset: leaf, byteCount: grain),
                Extent(offset: span - grain, byteCount: grain), Extent(offset: span, byteCount: grain),
                Extent(offset: span + 2 * leaf, byteCount: 5),
            ])
    }

    @Test("gives nothing below the offset that it is asked for, which may lie anywhere")
    func offsets() async throws {
        for offset in [0, 1, grain + 5, leaf - 1, leaf, 2 * leaf + 1] {
            let comparison = DigestComparison(
                byteCount: 3 * leaf, digester: digester([grain + 9, 2 * leaf]), ask: ask())
            let batch = try await comparison.extents(from: offset)
            let differing = [Extent(offset: grain, byteCount: grain), Extent(offset: 2 * leaf, byteCount: grain)]
            #expect(batch.extents.map(\.extent) == differing.compactMap { $0.clipped(from: offset) })
            #expect(batch.scannedTo == 3 * leaf)
            await comparison.close()
        }
    }

    @Test("asks about the grains of all leaves at once, after a span in which most leaves differ, and finds the same")
    func mostDiffer() async throws {
        let asked = Mutex<[UInt64]>([])
        let spanCount: UInt64 = 5
        // All but the last leaf of the first two spans differ, and one of each span behind them.
        let ones = (0..<spanCount * 16).filter { $0 % 16 != 15 && ($0 < 32 || $0 % 16 == 3) }
            .map { $0 * leaf + 2 * grain + 1 }
        let found = try await all(
            DigestComparison(
                byteCount: spanCount * span, digester: digester(ones),
                ask: { [ask = ask()] extents, grainByteCount in
                    asked.withLock { if extents.first?.byteCount == span { $0.append(grainByteCount) } }
                    return try await ask(extents, grainByteCount)
                }),
            byteCount: spanCount * span)
        #expect(found == ones.map { Extent(offset: $0 - 1, byteCount: grain) })
        // The next span is asked about before this one's answer is known.
        #expect(asked.withLock(\.self) == [leaf, leaf, grain, grain, leaf])
    }

    @Test("asks about grains only in leaves that differ, and never more than one question may hold")
    func questions() async throws {
        let asked = Mutex<[[Extent]]>([])
        let byteCount = 2 * span
        let found = try await all(
            DigestComparison(
                byteCount: byteCount, digester: digester([leaf + 1, 9 * leaf]),
                ask: { extents, grain in
                    asked.withLock { $0.append(extents) }
                    return try await ask()(extents, grain)
                }), byteCount: byteCount)
        #expect(found.count == 2)
        let questions = asked.withLock(\.self)
        let refined = [Extent(offset: leaf, byteCount: leaf), Extent(offset: 9 * leaf, byteCount: leaf)]
        #expect(questions.count == 3 && questions.contains(refined))
        for question in questions {
            #expect(question.reduce(0) { $0 + $1.byteCount } <= Limits.digestQueryByteCountMax)
            #expect(question.count <= Limits.digestQueryExtentCountMax)
        }
    }

    @Test("holds a few leaves at once, however large the image is")
    func memory() async throws {
        let held = Mutex<(now: Int, most: Int)>((0, 0))
        let byteCount = 2 * span
        let counting = digester(onRead: { byteCount in
            held.withLock { held in
                held.now += byteCount
                held.most = max(held.most, held.now)
            }
        })
        let comparison = DigestComparison(byteCount: byteCount, digester: counting, ask: ask())
        #expect(try await all(comparison, byteCount: byteCount).isEmpty)
        let result = held.withLock(\.self)
        #expect(result.now == 0 && result.most <= 24 << 20 && result.most > 0, "\(result)")
    }

    @Test("that can't ask says why, and nothing begun ahead is left")
    func failure() async throws {
        let comparison = DigestComparison(byteCount: 4 * span, digester: digester()) { _, _ in
            throw EngineError.connectionCut
        }
        await #expect(throws: EngineError.connectionCut) { try await comparison.extents(from: 0) }
        await comparison.close()
    }
}
