import FerryCore
import Foundation
import ImageStore
import Pipeline
import Synchronization

/// The images that this process works on. Each is leased from its store once, for all runs that go on at the same
/// time; other agents are kept out until the last of them ends, or this process dies and the lease runs out.
final class ImageLeases: Sendable {
    /// How long a lease lasts that is not renewed.
    static let usualDuration = Duration.seconds(30)

    /// What runs of one image in this process share.
    final class Desk: Sendable {
        fileprivate struct State {
            var holderCount = 0
            var lease: (any ImageLease)?
            var renewedAt = ContinuousClock.now
            var snapshotBegunAt: ContinuousClock.Instant?
            /// Whether the lease was lost while runs went on: no other begins before these have ended.
            var isLost = false
        }
        fileprivate let state = Mutex(State())
        /// One at a time takes or gives back the lease, or decides whether a snapshot is to be made.
        fileprivate let turn = ByteBudget(limit: 1)

        /// When the last snapshot was begun that this process made of the image; one that failed does not count.
        var snapshotBegunAt: ContinuousClock.Instant? {
            get { state.withLock { $0.snapshotBegunAt } }
            set { state.withLock { $0.snapshotBegunAt = newValue } }
        }

        /// Runs `body` while no other run of the image does the same.
        func exclusively<Result>(_ body: () async throws -> Result) async throws -> Result {
            try await turn.take(1)
            defer { turn.give(1) }
            return try await body()
        }
    }

    private let holder: String
    private let duration: Duration
    private var renewInterval: Duration { duration / 4 }
    private let desks = Mutex<[ImageIdentity: Desk]>([:])

    /// Leases in the name of `holder`, which no other process has; they last for `duration` unless they are renewed.
    init(holder: String = ImageLeases.processHolder(), duration: Duration = ImageLeases.usualDuration) {
        self.holder = holder
        self.duration = duration
    }

    /// Runs `body` with the image's lease held. Throws `.locked` when another agent has it, and cancels `body` when the
    /// lease is lost.
    func hold<Result: Sendable>(
        _ image: any SourceImage, onWait: @Sendable (Bool) -> Void = { _ in },
        _ body: @escaping @Sendable (Desk) async throws -> Result
    ) async throws -> Result {
        let desk = desks.withLock { desks in
            let desk = desks[image.identity] ?? Desk()
            desks[image.identity] = desk
            return desk
        }
        onWait(true)
        try await desk.turn.take(1)
        onWait(false)
        do {
            defer { desk.turn.give(1) }
            try await enter(desk, image)
        }
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(
                try await withThrowingTaskGroup(of: Result?.self) { group in
                    group.addTask { try await body(desk) }
                    group.addTask {
                        try await self.keep(desk)
                        return nil
                    }
                    group.addTask {
                        try await self.watchAge(desk, image)
                        return nil
                    }
                    defer { group.cancelAll() }
                    guard let first = try await group.next(), let result = first else { throw CancellationError() }
                    return result
                })
        } catch {
            result = .failure(error)
        }
        await leave(desk)
        return try result.get()
    }

    /// Takes the lease, unless another run has it. The desk's turn is ours.
    private func enter(_ desk: Desk, _ image: any SourceImage) async throws {
        guard !desk.state.withLock({ $0.isLost }) else { throw LeaseLost(image: image.identity) }
        if desk.state.withLock({ $0.lease == nil }) {
            let lease = try await take(image)
            // The store may have begun to count long before it answered.
            let began = ContinuousClock.now
            try await lease.renew()
            desk.state.withLock { state in
                state.lease = lease
                state.renewedAt = began
            }
        }
        desk.state.withLock { $0.holderCount += 1 }
    }

    private func take(_ image: any SourceImage) async throws -> any ImageLease {
        let end = ContinuousClock.now + duration + renewInterval
        while true {
            do throws(StoreError) {
                return try await image.lease(holder: holder, duration: duration)
            } catch {
                guard error.reason == .locked else { throw error }
                guard Self.wasLeftBehind(error.detail), ContinuousClock.now < end else {
                    throw LeaseHeldElsewhere(underlying: error)
                }
            }
            // Nobody renews it: it runs out soon.
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// Whether a lease's holder was a process of this host that is gone. A wrong answer costs some waiting, no more.
    private static func wasLeftBehind(_ detail: String) -> Bool {
        guard let holder = detail.split(separator: " ").first else { return false }
        let parts = holder.split(separator: ":")
        guard parts.count == 3, parts[0] == ProcessInfo.processInfo.hostName, let process = Int32(parts[1]) else {
            return false
        }
        return !FileManager.default.fileExists(atPath: "/proc/\(process)")
    }

    /// Lets the lease go with the last run. Must not be cut short: others would wait until it runs out.
    private func leave(_ desk: Desk) async {
        await Task {
            try? await desk.exclusively {
                let last = desk.state.withLock { state -> (any ImageLease)? in
                    state.holderCount -= 1
                    guard state.holderCount == 0 else { return nil }
                    state.isLost = false
                    return state.lease.take()
                }
                await last?.release()
            }
        }.value
    }

    /// Renews until cancelled. Throws when the lease is lost, or could not be renewed while it lasts.
    private func keep(_ desk: Desk) async throws {
        while true {
            try await Task.sleep(for: renewInterval)
            guard let lease = desk.state.withLock({ $0.lease }) else { throw CancellationError() }
            let began = ContinuousClock.now
            do {
                try await lease.renew()
                desk.state.withLock { $0.renewedAt = max($0.renewedAt, began) }
            } catch {
                let age = ContinuousClock.now - desk.state.withLock { $0.renewedAt }
                // A store that does not answer for a moment has not given the lease to anyone else yet.
                guard error.reason == .unavailable, age < duration - renewInterval else {
                    desk.state.withLock { $0.isLost = true }
                    throw error
                }
            }
        }
    }

    /// Watches the lease's age until cancelled: a store that hangs does not tell that it has run out. Throws shortly
    /// before it can have.
    private func watchAge(_ desk: Desk, _ image: any SourceImage) async throws {
        while true {
            let (last, isLost) = desk.state.withLock { ($0.renewedAt, $0.isLost) }
            guard !isLost, ContinuousClock.now < last + duration - renewInterval / 4 else {
                desk.state.withLock { $0.isLost = true }
                throw LeaseLost(image: image.identity)
            }
            try await Task.sleep(for: min(.seconds(1), renewInterval / 4))
        }
    }

    /// A text that tells people who holds a lease, and that no other process has.
    static func processHolder() -> String {
        let chance = String(UInt32.random(in: .min ... .max), radix: 36)
        return "\(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier):\(chance)"
    }
}

/// Another agent works on the image.
struct LeaseHeldElsewhere: Failure {
    let underlying: StoreError

    var disposition: Disposition { .locked }
    var cause: String { underlying.cause }
    var remedy: String { "nothing: it goes on there, and here if that agent dies" }
}

/// A lease was lost, and a run that had it has not ended yet.
struct LeaseLost: Failure {
    let image: ImageIdentity

    var disposition: Disposition { .temporary }
    var cause: String { "the lease on \(image) was lost, and what was under way is ending" }
    var remedy: String { "nothing: it is tried again" }
}
