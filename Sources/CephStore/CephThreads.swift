import Threading

/// The threads that calls of librados and librbd may block. Shared by all stores of a process, because threads
/// live until it ends and an agent opens a store anew after every failure.
enum CephThreads {
    /// For calls that wait for the cluster. Snapshots take a second each and are made for many images at once.
    static let control = BlockingThreads(count: 16)
    /// For keeping leases: behind snapshots of many images they would run out.
    static let leases = BlockingThreads(count: 4)
    /// For handing reads and writes to librbd, which waits when very much is in flight. Apart from the others, so
    /// that data keeps flowing while all of those make snapshots.
    static let submission = BlockingThreads(count: 2)
}
