import Control
import FerryCore
import FoundationEssentials
import Reporting
import Synchronization

/// An agent that notes what it is asked.
final class FakeAgent: AgentControl {
    struct Asked: Equatable {
        var request: SyncRequest
        var isWaiting: Bool
    }
    struct State {
        var status: AgentStatus
        var asked: [Asked] = []
        var refusal: FakeFailure?
        /// Waiting calls that were cancelled.
        var abandonedCount = 0
        var isRunEnded = false
    }
    let state: Mutex<State>
    private let runEnds: AsyncStream<Void>
    private let runEnd: AsyncStream<Void>.Continuation
    private let waits: AsyncStream<Void>
    private let wait: AsyncStream<Void>.Continuation

    init(_ status: AgentStatus = .example) {
        state = Mutex(State(status: status))
        (runEnds, runEnd) = AsyncStream.makeStream(of: Void.self)
        (waits, wait) = AsyncStream.makeStream(of: Void.self)
    }

    var asked: [Asked] { state.withLock(\.asked) }

    /// Ends the run that the first waiting call waits for.
    func endRun() {
        state.withLock { $0.isRunEnded = true }
        runEnd.finish()
    }

    /// Returns once a call waits.
    func someoneWaits() async {
        for await _ in waits { return }
    }

    func status() async -> AgentStatus { state.withLock(\.status) }

    func sync(_ request: SyncRequest, isWaiting: Bool) async throws -> [SyncReply] {
        let refusal = state.withLock { state in
            state.asked.append(Asked(request: request, isWaiting: isWaiting))
            return state.refusal
        }
        if let refusal { throw refusal }
        guard isWaiting else { return [SyncReply(image: "vm-1", peer: "b", wasJoined: false)] }
        wait.yield()
        for await _ in runEnds {}
        guard !Task.isCancelled else {
            state.withLock { $0.abandonedCount += 1 }
            throw CancellationError()
        }
        return [.ended]
    }
}

extension SyncReply {
    /// A run that went well and was waited for.
    static let ended = SyncReply(
        image: "vm-1", peer: "b", wasJoined: true,
        outcome: Outcome(snapshot: "ferry-1", error: nil, durationMs: 12, readBytes: 4096, sentBytes: 100))
}

/// A refusal of any kind.
struct FakeFailure: Failure, Equatable {
    var disposition: Disposition
    var cause = "it's no \u{1B}[31mimage"
    var remedy = "name one"
}

extension AgentStatus {
    /// A healthy receiver with three images.
    static var example: AgentStatus {
        let now = Date(timeIntervalSince1970: 1_795_262_400)
        var status = AgentStatus(
            role: .receiver, site: "b", version: "1", configuration: "receiver.yaml", startedAt: now - 60, now: now)
        status.images = ["vm-1", "vm-2", "db [1] & é"].map { ImageStatus(image: $0, peer: "a", state: .inSync) }
        return status
    }

    /// One whose JSON is longer than what sockets hold by themselves.
    static var large: AgentStatus {
        var status = example
        status.warnings = Array(repeating: String(repeating: "w", count: 1000), count: 8192)
        return status
    }
}
