import FerryCore

/// Bytes of a snapshot or a head that may be wrong: the world damaged them, or hid their changes from a list.
struct Damage {
    private var extents: [Extent] = []

    init(_ extents: [Extent] = []) { self.extents = extents }

    var isEmpty: Bool { extents.isEmpty }

    mutating func add(_ other: Extent) { extents.append(other) }

    mutating func formUnion(_ other: Damage) { extents += other.extents }

    /// Whether some of the extent may be wrong.
    func touches(_ extent: Extent) -> Bool {
        extents.contains { $0.offset < extent.end && extent.offset < $0.end }
    }

    /// Whether all of these bytes may be.
    func covers(_ others: [Extent]) -> Bool {
        let sorted = extents.sorted { $0.offset < $1.offset }
        return others.allSatisfy { other in
            var position = other.offset
            for extent in sorted where extent.offset <= position { position = max(position, extent.end) }
            return position >= other.end
        }
    }
}

/// Numbers of the grains that a proof tells apart.
struct Grains: Equatable {
    private(set) var numbers: Set<UInt64> = []

    init(_ extents: [Extent]) {
        for extent in extents where extent.byteCount > 0 {
            numbers.formUnion(
                extent.offset / Limits.digestGrainByteCountMin...(extent.end - 1) / Limits.digestGrainByteCountMin)
        }
    }

    /// Where a grain lies.
    static func extent(_ number: UInt64) -> Extent {
        Extent(offset: number * Limits.digestGrainByteCountMin, byteCount: Limits.digestGrainByteCountMin)
    }
}
