import ImageStore
import Threading

extension BlockingThreads {
    /// Runs `body` on all items, at most `laneCount` at a time; each lane does its share one after another. Throws
    /// the first error there was, when all lanes have stopped.
    func runInLanes<Item: Sendable>(
        _ items: [Item], laneCount: Int, _ body: @escaping @Sendable (Item) throws(StoreError) -> Void
    ) async throws(StoreError) {
        let laneCount = min(laneCount, items.count)
        let outcomes = await withTaskGroup(of: Result<Void, StoreError>.self) { group in
            for lane in 0..<laneCount {
                group.addTask {
                    await self.runLane(stride(from: lane, to: items.count, by: laneCount).map { items[$0] }, body)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        for outcome in outcomes { try outcome.get() }
    }

    private func runLane<Item: Sendable>(
        _ items: [Item], _ body: @escaping @Sendable (Item) throws(StoreError) -> Void
    ) async -> Result<Void, StoreError> {
        do throws(StoreError) {
            try await run { () throws(StoreError) in
                for item in items { try body(item) }
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }
}
