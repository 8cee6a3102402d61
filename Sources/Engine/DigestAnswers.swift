import Conversation
import FerryCore

/// Answers a sender's questions for digests, in order, beside what else its session does. The conversation's machine bounds
/// how many can be waiting.
struct DigestAnswers: Sendable {
    private let digester: GrainDigester
    private let send: @Sendable (Digests) async throws -> Void
    private let queries = EventQueue<DigestQuery>()

    /// Answers from what `digester` reads; `send` tells the peer.
    init(_ digester: GrainDigester, send: @escaping @Sendable (Digests) async throws -> Void) {
        self.digester = digester
        self.send = send
    }

    /// Takes a question that is within its limits.
    func take(_ query: DigestQuery) { queries.send(query) }

    /// Runs `body` and answers meanwhile. An error of either ends the other.
    func serve<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while true { try await send(try await digester.answer(try await queries.next())) }
            }
            defer { group.cancelAll() }
            while let part = try await group.next() {
                if let result = part { return result }
            }
            throw CancellationError()
        }
    }
}
