import FerryCore
import ImageStore
import Planning
import Synchronization

/// What the clients of a receiver take of it: connections, mirrors, and the mirrors' sizes.
///
/// It is counted in memory: at the start from what is there (`found`, then `countedAll`), and from then on with each offer. A
/// mirror belongs to the first client whose rule maps the source's name to it, so a rule that changes takes its mirrors
/// along.
public final class ClientUsage: Sendable {
    /// What one client takes.
    public struct Amount: Sendable, Hashable {
        /// Connections now.
        public var connectionCount = 0
        /// Mirrors.
        public var imageCount = 0
        /// Sizes of the mirrors' heads together, in bytes.
        public var byteCount: UInt64 = 0
    }

    fileprivate struct Mirror: Sendable {
        let sourceName: String
        var byteCount: UInt64
    }
    private struct State {
        var connectionCounts: [String: Int] = [:]
        var mirrors: [String: Mirror] = [:]
        /// Those who wait until all mirrors are counted; nil once they are.
        var waiting: [UInt64: CheckedContinuation<Void, Never>]?
        var waitingNumber: UInt64 = 0
    }
    private let state: Mutex<State>

    /// Nothing is taken. Unless `isCounted`, offers that a quota bounds wait for `countedAll`.
    public init(isCounted: Bool = true) {
        state = Mutex(State(waiting: isCounted ? nil : [:]))
    }

    /// What a client takes now.
    public func amount(of client: String, by policy: ClientPolicy) -> Amount {
        state.withLock { state in
            var amount = Amount(connectionCount: state.connectionCounts[client] ?? 0)
            for (name, mirror) in state.mirrors where policy.client(ofMirror: name, source: mirror.sourceName) == client
            {
                amount.imageCount += 1
                amount.byteCount = amount.byteCount.clampedSum(mirror.byteCount)
            }
            return amount
        }
    }

    /// Notes a mirror that was there, unless an offer has told of it by now.
    public func found(_ mirror: String, source: String, byteCount: UInt64) {
        state.withLock { state in
            guard state.mirrors[mirror] == nil else { return }
            state.mirrors[mirror] = Mirror(sourceName: source, byteCount: byteCount)
        }
    }

    /// Notes that all mirrors that were there have been told of.
    public func countedAll() {
        let waiting = state.withLock { state in
            defer { state.waiting = nil }
            return state.waiting ?? [:]
        }
        for continuation in waiting.values { continuation.resume() }
    }
}

// MARK: Connections

extension ClientUsage {
    /// Counts a connection of a client; `leave` counts it out. Throws when it is one too many.
    func enter(_ rule: ClientPolicy.Rule) throws(QuotaError) {
        try state.withLock { state throws(QuotaError) in
            let count = state.connectionCounts[rule.identity] ?? 0
            if let limit = rule.quota.connectionCountMax, count >= limit {
                throw .tooManyConnections(client: rule.identity, limit: limit)
            }
            state.connectionCounts[rule.identity] = count + 1
        }
    }

    /// Counts a connection out.
    func leave(_ rule: ClientPolicy.Rule) {
        state.withLock { state in
            let count = (state.connectionCounts[rule.identity] ?? 1) - 1
            state.connectionCounts[rule.identity] = count > 0 ? count : nil
        }
    }
}

// MARK: Mirrors

/// What is offered, as quotas see it.
struct MirrorClaim: Sendable {
    let mirror: String
    let sourceName: String
    let byteCount: UInt64
    let rule: ClientPolicy.Rule
}

extension ClientUsage {
    /// Counts the mirror of an offer that is about to be prepared, at the larger of its sizes. Throws when the client
    /// would have too much with it; what does not grow is never too much. Runs `body`, which makes the mirror; if it
    /// throws, the mirror counts as what is there.
    func reserving<Result>(
        _ claim: MirrorClaim, by policy: ClientPolicy, in store: any ImageStore, _ body: () async throws -> Result
    ) async throws -> Result {
        if claim.rule.quota.boundsMirrors { try await waitUntilCounted() }
        let before: Mirror?
        do {
            before = try reserve(claim, by: policy)
        } catch {
            // Its owner may have removed mirrors since.
            try await forgetMissing(in: store)
            before = try reserve(claim, by: policy)
        }
        do {
            return try await body()
        } catch {
            let isNew = before == nil && error as? PlanConflict != .foreignImage
            let isMade = isNew ? await Self.isThere(claim.mirror, in: store) : false
            if !isMade { state.withLock { $0.mirrors[claim.mirror] = before } }
            throw error
        }
    }

    /// Notes the size that a mirror has now.
    func settle(_ claim: MirrorClaim) {
        state.withLock { $0.mirrors[claim.mirror] = Mirror(sourceName: claim.sourceName, byteCount: claim.byteCount) }
    }

    /// The mirror's entry before; nil when there was none.
    private func reserve(_ claim: MirrorClaim, by policy: ClientPolicy) throws(QuotaError) -> Mirror? {
        try state.withLock { state throws(QuotaError) in
            let before = state.mirrors[claim.mirror]
            let byteCount = max(before?.byteCount ?? 0, claim.byteCount)
            if claim.rule.quota.boundsMirrors, before == nil || byteCount > before?.byteCount ?? 0 {
                var total = byteCount
                var count = 1
                for (name, mirror) in state.mirrors where name != claim.mirror {
                    guard policy.client(ofMirror: name, source: mirror.sourceName) == claim.rule.identity else {
                        continue
                    }
                    total = total.clampedSum(mirror.byteCount)
                    count += 1
                }
                try claim.rule.quota.check(
                    client: claim.rule.identity, imageCount: before == nil ? count : 0, byteCount: total)
            }
            state.mirrors[claim.mirror] = Mirror(
                sourceName: before?.sourceName ?? claim.sourceName, byteCount: byteCount)
            return before
        }
    }

    private func forgetMissing(in store: any ImageStore) async throws {
        let present = Set(try await store.imageNames())
        state.withLock { state in state.mirrors = state.mirrors.filter { present.contains($0.key) } }
    }

    /// When the store does not say, it counts as there.
    private static func isThere(_ name: String, in store: any ImageStore) async -> Bool {
        do {
            guard let image = try await store.openMirror(name) else { return false }
            await image.close()
            return true
        } catch {
            return error.reason != .unsupported
        }
    }

    private func waitUntilCounted() async throws {
        let number = state.withLock { state in
            state.waitingNumber += 1
            return state.waitingNumber
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCounted = state.withLock { state in
                    guard state.waiting != nil, !Task.isCancelled else { return true }
                    state.waiting?[number] = continuation
                    return false
                }
                if isCounted { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting?.removeValue(forKey: number) }?.resume()
        }
        try Task.checkCancellation()
    }
}

extension UInt64 {
    /// The sum, or the largest number when that does not fit.
    fileprivate func clampedSum(_ other: UInt64) -> UInt64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
