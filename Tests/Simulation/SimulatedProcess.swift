import Engine
import FerryCore
import ImageStore
import SecureTransport

/// A sender's or receiver's process: what it does to a store or a connection fails once it has crashed.
///
/// Thread rule (why `@unchecked Sendable` holds): the real process has one thread.
final class SimulatedProcess: @unchecked Sendable {
    /// The process that the running task belongs to; nil: the world.
    @TaskLocal static var current: SimulatedProcess?

    let name: String
    private(set) var isAlive = true
    /// It crashes after so many steps; nil: never by itself.
    var stepsLeft: Int?
    /// Whether its end is a silence for its peers.
    var diesSilently = false
    /// What its transfer sends, and how much of that may be undurable.
    var window: (meter: TransferMeter, byteCount: UInt64)?
    var links: [SimulatedLink] = []
    private var endings: [() -> Void] = []

    init(_ name: String) { self.name = name }

    /// Calls `body` when the process crashes.
    func onCrash(_ body: @escaping () -> Void) {
        if isAlive { endings.append(body) } else { body() }
    }

    /// Ends it on the spot.
    func crash() {
        guard isAlive else { return }
        isAlive = false
        for link in links { link.die(silently: diesSilently) }
        let endings = endings
        self.endings = []
        for ending in endings { ending() }
    }

    /// Counts a step; true when the process is still there.
    func step() -> Bool {
        if isAlive, let left = stepsLeft {
            stepsLeft = left - 1
            if left <= 0 { crash() }
        }
        return isAlive
    }

    /// Throws when the process has crashed.
    func checkAlive(_ subject: String) throws(StoreError) {
        guard isAlive else { throw StoreError(.unavailable, "go on with", subject, detail: "the process crashed") }
    }
}
