import FerryCore
import ImageStore
import TestSupport

extension StoreConformance {
    /// Random writes, zeroes, resizes and snapshots; then every delta between two snapshots, applied to a copy of
    /// the earlier one, must give the later one. Cheap stores run it with many seeds.
    public static func randomCase(seed: UInt64) -> ConformanceCase {
        ConformanceCase("a random history gives exact deltas (seed \(seed))") { scratch in
            var generator = SeededGenerator(seed: seed)
            let byteCount = UInt64.random(in: 0...6 * mebibyte, using: &generator)
            try await scratch.create(byteCount: byteCount)
            let history = try await scratch.withMirror { mirror in
                try await mirror.randomHistory(byteCount: byteCount, &generator)
            }
            try await scratch.withSource { source in
                for target in history.indices {
                    try await source.check(history, target: target, subject: "seed \(seed)")
                }
            }
        }
    }
}

extension SourceImage {
    /// Checks the full delta to one snapshot of a history, and the deltas to it from all before it.
    fileprivate func check(_ history: [(Snapshot, [UInt8])], target: Int, subject: String) async throws {
        let (snapshot, bytes) = history[target]
        for mode in DiffMode.changeLists {
            try await withDelta(from: nil, to: snapshot, mode: mode) { delta in
                try await delta.check("\(subject), full to \(target), \(mode)", turns: [], into: bytes)
            }
            for base in 0..<target {
                try await withDelta(from: history[base].0, to: snapshot, mode: mode) { delta in
                    let subject = "\(subject), \(base) to \(target), \(mode)"
                    try await delta.check(subject, turns: history[base].1, into: bytes)
                }
            }
        }
    }
}

extension MirrorImage {
    /// Does random things to the image and makes four snapshots; gives what each of them holds.
    fileprivate func randomHistory(
        byteCount: UInt64, _ generator: inout SeededGenerator
    ) async throws -> [(Snapshot, [UInt8])] {
        var model = zeroBytes(byteCount)
        var history: [(Snapshot, [UInt8])] = []
        for number in 1...4 {
            for _ in 0..<Int.random(in: 0...5, using: &generator) {
                try await randomStep(&model, &generator)
            }
            history.append((try await createSnapshot("s\(number)"), model))
        }
        return history
    }

    private func randomStep(_ model: inout [UInt8], _ generator: inout SeededGenerator) async throws {
        if Int.random(in: 0..<6, using: &generator) == 0 {
            let byteCount = UInt64.random(in: 0...6 * mebibyte, using: &generator)
            try await resize(to: byteCount)
            return model.resize(to: byteCount)
        }
        var pieces: [(offset: UInt64, bytes: [UInt8])] = []
        var zeroes: [Extent] = []
        for extent in randomExtents(in: UInt64(model.count), &generator) {
            if Bool.random(using: &generator) {
                zeroes.append(extent)
                model.zero(extent)
            } else {
                let bytes = generator.bytes(Int(extent.byteCount))
                pieces.append((extent.offset, bytes))
                model.overwrite(at: extent.offset, with: bytes)
            }
        }
        try await write(pieces, zeroes: zeroes)
    }

    /// Extents that do not overlap: some tiny, some of whole blocks, some large.
    private func randomExtents(in byteCount: UInt64, _ generator: inout SeededGenerator) -> [Extent] {
        var extents: [Extent] = []
        var position: UInt64 = 0
        var previousEnd: UInt64 = 0
        while extents.count < 12 {
            position += UInt64.random(in: 0...2 * mebibyte, using: &generator)
            let sizesMax: [UInt64] = [16, 4096, 64 * kibibyte, mebibyte]
            let sizeMax = sizesMax.randomElement(using: &generator) ?? 1
            var length = UInt64.random(in: 1...sizeMax, using: &generator)
            if Bool.random(using: &generator) {
                position -= position % 4096
                length = (length + 4095) / 4096 * 4096
            }
            guard position >= previousEnd else { continue }
            guard position + length <= byteCount else { return extents }
            extents.append(Extent(offset: position, byteCount: length))
            position += length
            previousEnd = position
        }
        return extents
    }
}
