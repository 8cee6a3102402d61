import FerryCore
import ImageStore

/// Finds the stretches of two files that lie in the same place on the device, and so are equal.
///
/// Holds one map of each file at a time, whatever the size of the files.
struct SharedExtents {
    private let first: FileDescriptor
    private let second: FileDescriptor
    private var isUsable: Bool
    /// Stretches that are shared, in ascending order, all before `knownTo`.
    private var shared: [Extent] = []
    private var nextIndex = 0
    private var knownTo: UInt64 = 0
    /// How often the file system was asked; a bound on the work of one call.
    private(set) var mapCount = 0

    init(_ first: FileDescriptor, _ second: FileDescriptor, _ operation: String) throws(StoreError) {
        self.first = first
        self.second = second
        let isOneFileSystem = try first.status(operation).st_dev == second.status(operation).st_dev
        isUsable =
            isOneFileSystem && first.hasComparableExtents(operation) && second.hasComparableExtents(operation)
    }

    /// The first shared stretch that ends after `position`, where `position` never goes down between calls; nil
    /// when there is none before `knownTo`, which is given too: ask again from there.
    mutating func next(after position: UInt64) -> (shared: Extent?, knownTo: UInt64) {
        guard isUsable else { return (nil, .max) }
        if mapCount == 0 || position >= knownTo { load(from: position) }
        while nextIndex < shared.count, shared[nextIndex].end <= position { nextIndex += 1 }
        return (nextIndex < shared.count ? shared[nextIndex] : nil, knownTo)
    }

    private mutating func load(from position: UInt64) {
        mapCount += 1
        nextIndex = 0
        shared = []
        guard let firstMap = first.mapExtents(from: position), let secondMap = second.mapExtents(from: position) else {
            return giveUp()
        }
        knownTo = min(firstMap.coveredTo, secondMap.coveredTo)
        shared = SharedExtents.common(firstMap.extents, secondMap.extents).compactMap { $0.clipped(to: knownTo) }
        // A map that does not reach past where it began would be asked for again and again.
        if knownTo <= position { giveUp() }
    }

    private mutating func giveUp() {
        isUsable = false
        shared = []
        knownTo = .max
    }

    /// The stretches that two maps have in common.
    static func common(_ first: [MappedExtent], _ second: [MappedExtent]) -> [Extent] {
        var common: [Extent] = []
        var (firstIndex, secondIndex) = (0, 0)
        while firstIndex < first.count, secondIndex < second.count {
            let (one, other) = (first[firstIndex], second[secondIndex])
            if let stretch = one.extent.clipped(from: other.extent.offset)?.clipped(to: other.extent.end),
                let onePhysical = one.physical, let otherPhysical = other.physical,
                stretch.offset - one.extent.offset + onePhysical
                    == stretch.offset - other.extent.offset + otherPhysical
            {
                common.append(stretch)
            }
            if one.extent.end <= other.extent.end { firstIndex += 1 } else { secondIndex += 1 }
        }
        return common
    }
}
