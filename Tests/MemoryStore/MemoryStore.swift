import FerryCore
public import FoundationEssentials
public import ImageStore
import Synchronization

/// Images in memory, for tests: fast, and able to fail wherever a test wants it to.
public final class MemoryStore: ImageStore {
    /// What every image's identity has as its cluster.
    public let cluster: String
    /// Extents in one batch of a delta, at most.
    public let batchExtentCountMax: Int
    /// What the store does wrong.
    public let flaws: MemoryFlaws
    let state = Mutex(MemoryState())
    private let observer = Mutex<MemoryObserver?>(nil)
    private let faults = Mutex<MemoryFaults?>(nil)
    private let quiesce = Mutex<MemoryQuiesce?>(nil)
    private let clock = Mutex(Clock(now: { Date() }))

    /// What the store takes the time from.
    private struct Clock {
        var now: @Sendable () -> Date
        var secondsAhead = 0.0
    }

    /// An empty store; by default without flaws.
    public init(cluster: String = "memory", batchExtentCountMax: Int = 64, flaws: MemoryFlaws = []) {
        self.cluster = cluster
        self.flaws = flaws
        self.batchExtentCountMax = batchExtentCountMax
    }

    /// `memory:CLUSTER`.
    public var location: String { "memory:\(cluster)" }

    /// Sets what is called before each operation; nil for nothing.
    public func setFaults(_ newFaults: MemoryFaults?) {
        faults.withLock { $0 = newFaults }
    }

    /// Sets what is called after each change; nil for nothing.
    public func setObserver(_ newObserver: MemoryObserver?) {
        observer.withLock { $0 = newObserver }
    }

    /// Tells the test of a change.
    func note(_ change: MemoryChange, to image: ImageIdentity) {
        observer.withLock { $0 }?(image, change)
    }

    /// Sets who is asked to hold still for a snapshot; nil for nobody.
    public func setQuiesce(_ newQuiesce: MemoryQuiesce?) {
        quiesce.withLock { $0 = newQuiesce }
    }

    /// Whether the image's users hold still.
    func quiesceUsers(of image: String) async -> Bool {
        guard let quiesce = quiesce.withLock({ $0 }) else { return true }
        return await quiesce(image)
    }

    /// Sets the clock that snapshots get their times from and leases run out by; the system's until then.
    public func setClock(_ now: @escaping @Sendable () -> Date) {
        clock.withLock { $0 = Clock(now: now) }
    }

    /// Puts the store's clock forward.
    public func advanceClock(by duration: Duration) {
        clock.withLock { $0.secondsAhead += duration / .seconds(1) }
    }

    /// What the store's clock says.
    public var now: Date {
        let clock = clock.withLock(\.self)
        return clock.now().addingTimeInterval(clock.secondsAhead)
    }

    /// Gives the test a chance to make the operation fail, or wait.
    func before(_ operation: MemoryOperation, _ image: String) async throws(StoreError) {
        guard let faults = faults.withLock({ $0 }) else { return }
        try await faults(operation, image)
    }

    /// Names of all images, sorted.
    public func imageNames() async throws(StoreError) -> [String] {
        try await before(.imageNames, "")
        return state.withLock { $0.idsByName.keys.sorted() }
    }

    /// Opens an image to send from.
    public func openSource(_ name: String) async throws(StoreError) -> any SourceImage {
        try await before(.openSource, name)
        guard let image = open(name) else { throw StoreError(.notFound, "open", "\(location)/\(name)") }
        return image
    }

    /// Opens an image to apply to.
    public func openMirror(_ name: String) async throws(StoreError) -> (any MirrorImage)? {
        try await before(.openMirror, name)
        return open(name)
    }

    /// Creates an empty image.
    public func createMirror(
        _ name: String, byteCount: UInt64, layout: ImageLayout
    ) async throws(StoreError) -> any MirrorImage {
        try await before(.createMirror, name)
        let wasCreated = create(name, byteCount: byteCount, layout: layout)
        guard wasCreated, let image = open(name) else {
            throw StoreError(.alreadyExists, "create", "\(location)/\(name)")
        }
        return image
    }

    /// Does nothing: the images stay for the test to look at.
    public func close() async {}

    func create(_ name: String, byteCount: UInt64, layout: ImageLayout) -> Bool {
        state.withLock { state in
            guard state.idsByName[name] == nil else { return false }
            let id = "image-\(state.number(for: name, follows: flaws.contains(.idsFollowNames)))"
            let head = SparseBytes(byteCount: byteCount)
            state.idsByName[name] = id
            state.images[id] = MemoryImageState(
                identity: ImageIdentity(cluster: cluster, pool: 0, image: id), layout: layout, head: head,
                durableHead: head)
            return true
        }
    }

    private func open(_ name: String) -> MemoryImage? {
        state.withLock { state in
            guard let id = state.idsByName[name], let image = state.images[id] else { return nil }
            let handle = state.nextNumber()
            state.images[id]?.openHandles.insert(handle)
            return MemoryImage(
                store: self, name: name, identity: image.identity, layout: image.layout, handle: handle)
        }
    }
}
