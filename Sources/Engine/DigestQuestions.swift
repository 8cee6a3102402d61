import Conversation
import FerryCore
import Pipeline
import Synchronization

/// The sender's open questions for digests: who waits for which answer. Several may ask at once.
final class DigestQuestions: Sendable {
    /// Room for as many as may be open; given back when an answer comes, whoever waits for it still.
    private let room = ByteBudget(limit: UInt64(Limits.digestQueryCountMax))
    /// Questions are numbered and sent in the same order.
    private let line = ByteBudget(limit: 1)
    private let waiting = Mutex<[EventQueue<Digests>]>([])

    /// Asks, by `send`, and waits for the answer.
    func ask(_ send: @escaping @Sendable () async throws -> Void) async throws -> Digests {
        let answer = EventQueue<Digests>()
        try await room.take(1)
        do {
            try await line.take(1)
        } catch {
            room.give(1)
            throw error
        }
        do {
            waiting.withLock { $0.append(answer) }
            defer { line.give(1) }
            // What is numbered must go out, whoever is cancelled: a gap would end the conversation.
            try await Task { try await send() }.value
        }
        return try await answer.next()
    }

    /// Hands the oldest question its answer.
    func take(_ digests: Digests) {
        let answer = waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        answer?.send(digests)
        room.give(1)
    }

    /// Waits until all are answered, also those that nobody waits for any more.
    func settle() async throws {
        let all = UInt64(Limits.digestQueryCountMax)
        try await room.take(all)
        room.give(all)
    }

    /// Ends all of them: the connection is gone.
    func fail(_ error: any Error) {
        room.fail(error)
        line.fail(error)
        for answer in waiting.withLock(\.self) { answer.fail(error) }
    }
}
