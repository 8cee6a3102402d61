/// The leaves of an image that a proof compares, in ascending order. They are told one after the other and never held
/// together: the same numbers give the same leaves, so a proof can go on at any of them.
public struct LeafSelection: Equatable, Sendable {
    private enum Part: Equatable, Sendable {
        case all
        case none
        /// Each `count`-th leaf, from `first` on.
        case every(count: UInt64, first: UInt64)
        /// One leaf, drawn at random, of each of `count` stretches of about the same length.
        case strata(count: UInt64, seed: UInt64)
    }
    private let leafCount: UInt64
    private let part: Part
    private let also: LeafSet

    /// The selection by `scope` from `leafCount` leaves, with those of `also` besides. With `changed`, `also` holds what
    /// changed. A scope that is not valid selects nothing.
    public init(_ scope: ProofScope, leafCount: UInt64, seed: UInt64, also: LeafSet) {
        precondition(also.leafCount == leafCount, "leaves of one image")
        self.leafCount = leafCount
        self.also = also
        switch scope {
        case _ where leafCount == 0 || !scope.isValid: part = .none
        case .full: part = .all
        case .slice(let number, let count): part = .every(count: UInt64(count), first: UInt64(number - 1))
        case .percent(let percent), .changed(let percent):
            let count = min(UInt64((Double(leafCount) / 100 * percent).rounded(.up)), leafCount)
            part = count == 0 ? .none : count == leafCount ? .all : .strata(count: count, seed: seed)
        }
    }

    /// Only the leaves of a set.
    public init(only set: LeafSet) {
        leafCount = set.leafCount
        part = .none
        also = set
    }

    /// The first selected leaf at or after `leaf`; nil when there is none.
    public func next(from leaf: UInt64) -> UInt64? {
        guard let first = partNext(from: leaf) else { return also.next(from: leaf) }
        return also.next(from: leaf).map { min($0, first) } ?? first
    }

    /// How many leaves are selected.
    public var count: UInt64 {
        var count = partCount(before: leafCount)
        guard part != .all else { return count }
        also.forEachRun { run in
            count += run.upperBound - run.lowerBound
            count -= partCount(before: run.upperBound) - partCount(before: run.lowerBound)
        }
        return count
    }

    /// Whether the leaf is selected.
    public func contains(_ leaf: UInt64) -> Bool { next(from: leaf) == leaf }

    private func partNext(from leaf: UInt64) -> UInt64? {
        guard leaf < leafCount else { return nil }
        switch part {
        case .none: return nil
        case .all: return leaf
        case .every(let count, let first):
            let left = leaf % count
            let distance = left <= first ? first - left : count - left + first
            return distance < leafCount - leaf ? leaf + distance : nil
        case .strata(let count, let seed):
            let stratum = stratum(of: leaf, count: count)
            let drawn = draw(stratum, count: count, seed: seed)
            if drawn >= leaf { return drawn }
            return stratum + 1 < count ? draw(stratum + 1, count: count, seed: seed) : nil
        }
    }

    /// How many leaves of the part lie before `leaf`.
    private func partCount(before leaf: UInt64) -> UInt64 {
        switch part {
        case .none: return 0
        case .all: return leaf
        case .every(let count, let first):
            return leaf / count + (leaf % count > first ? 1 : 0)
        case .strata(let count, let seed):
            guard leaf < leafCount else { return count }
            let stratum = stratum(of: leaf, count: count)
            return stratum + (draw(stratum, count: count, seed: seed) < leaf ? 1 : 0)
        }
    }

    // Of `leafCount` leaves in `count` strata the first `leafCount % count` strata have one leaf more.

    private func start(ofStratum stratum: UInt64, count: UInt64) -> UInt64 {
        leafCount / count * stratum + min(stratum, leafCount % count)
    }

    private func stratum(of leaf: UInt64, count: UInt64) -> UInt64 {
        let (length, longerCount) = (leafCount / count, leafCount % count)
        let longerEnd = longerCount * (length + 1)
        return leaf < longerEnd ? leaf / (length + 1) : longerCount + (leaf - longerEnd) / length
    }

    private func draw(_ stratum: UInt64, count: UInt64, seed: UInt64) -> UInt64 {
        let start = start(ofStratum: stratum, count: count)
        let length = self.start(ofStratum: stratum + 1, count: count) - start
        return start + Self.mixed(seed, stratum).multipliedFullWidth(by: length).high
    }

    /// A number that looks random and depends on both (SplitMix64's output function).
    private static func mixed(_ seed: UInt64, _ index: UInt64) -> UInt64 {
        var mixed = seed &+ (index &+ 1) &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
