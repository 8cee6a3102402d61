import FerryCore
public import ImageStore

/// Lists a delta's units from an offset on. One taker at a time.
public actor DeltaUnits {
    /// Gives what changed at or after an offset, with the rules of `Delta.extents`.
    public typealias Lister = @Sendable (UInt64) async throws -> ExtentBatch

    private let list: Lister
    private let byteCount: UInt64
    private let marksBatches: Bool
    private let onScan: @Sendable (UInt64) -> Void
    private var offset: UInt64
    private var planner: DeltaUnitPlanner
    private var ready: [DeltaUnit] = []
    private var nextIndex = 0

    /// Units of `delta` that lie at or after `offset`. `onScan` hears up to where the list of extents is known.
    public init(
        delta: any Delta, from offset: UInt64, room: UnitRoom = UnitRoom(),
        onScan: @escaping @Sendable (UInt64) -> Void
    ) {
        self.init(
            list: { try await delta.extents(from: $0) }, byteCount: delta.byteCount, from: offset, room: room,
            onScan: onScan)
    }

    /// Units of what `list` gives, of an image of this size. With `marksBatches` each batch ends with a unit that holds
    /// nothing and says how far the list is known.
    public init(
        list: @escaping Lister, byteCount: UInt64, from offset: UInt64, room: UnitRoom = UnitRoom(),
        marksBatches: Bool = false, onScan: @escaping @Sendable (UInt64) -> Void
    ) {
        self.list = list
        self.byteCount = byteCount
        self.marksBatches = marksBatches
        planner = DeltaUnitPlanner(room: room)
        self.onScan = onScan
        self.offset = offset
    }

    /// The next unit; nil at the end of the image.
    public func next() async throws -> DeltaUnit? {
        while nextIndex == ready.count {
            guard offset < byteCount else { return nil }
            let batch = try await list(offset)
            precondition(batch.scannedTo > offset, "a scan advances")
            offset = batch.scannedTo
            onScan(batch.scannedTo)
            for changed in batch.extents { planner.add(changed) }
            if marksBatches || offset >= byteCount { planner.finish() }
            ready = planner.takeReady()
            if marksBatches { ready.append(DeltaUnit(end: offset)) }
            nextIndex = 0
        }
        defer { nextIndex += 1 }
        return ready[nextIndex]
    }
}
