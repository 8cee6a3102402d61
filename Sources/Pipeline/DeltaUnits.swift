import FerryCore
public import ImageStore

/// Lists a delta's units from an offset on. One taker at a time.
public actor DeltaUnits {
    private let delta: any Delta
    private let onScan: @Sendable (UInt64) -> Void
    private var offset: UInt64
    private var planner: DeltaUnitPlanner
    private var ready: ArraySlice<DeltaUnit> = []

    /// Units of `delta` that lie at or after `offset`. `onScan` hears up to where the list of extents is known.
    public init(
        delta: any Delta, from offset: UInt64, room: UnitRoom = UnitRoom(),
        onScan: @escaping @Sendable (UInt64) -> Void
    ) {
        self.delta = delta
        planner = DeltaUnitPlanner(room: room)
        self.onScan = onScan
        self.offset = offset
    }

    /// The next unit; nil at the end of the image.
    public func next() async throws -> DeltaUnit? {
        while ready.isEmpty {
            guard offset < delta.byteCount else { return nil }
            let batch = try await delta.extents(from: offset)
            precondition(batch.scannedTo > offset, "a scan advances")
            offset = batch.scannedTo
            onScan(batch.scannedTo)
            for changed in batch.extents { planner.add(changed) }
            if offset >= delta.byteCount { planner.finish() }
            ready = planner.takeReady()[...]
        }
        return ready.popFirst()
    }
}
