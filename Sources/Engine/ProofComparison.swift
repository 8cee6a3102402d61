import Conversation
import FerryCore
import ImageStore
import Pipeline
import Planning
import Synchronization

/// Compares leaves of a snapshot with the mirror's copy, question by question, in ascending order.
///
/// Of each question both ends make one digest of all its leaves. Where those differ, the leaves are compared one by one, and
/// what differs of them grain by grain.
struct ProofComparison {
    /// Most leaves of one question. It bounds what a cut costs, and how long nothing is seen to move.
    static let leafCountMax = 16
    /// Questions that are at work at once, each with one record on the wire.
    private static let questionCountMax = 3
    private static let leafByteCount = Limits.digestLeafByteCount

    let session: SenderSession
    let digester: GrainDigester
    let selection: LeafSelection
    /// Bytes that both ends have, from the image's beginning.
    let byteCount: UInt64
    /// Nothing is asked after this, but for one question.
    let deadline: ContinuousClock.Instant?

    /// A question that was answered.
    struct Answered: Sendable {
        /// The leaf behind it.
        let nextLeaf: UInt64
        /// Bytes that it was about.
        let byteCount: UInt64
        /// What differs, to the grain.
        let differing: [Extent]
    }

    /// Compares from a leaf on; `note` hears of each question, in order.
    func run(from leaf: UInt64, note: (Answered) async throws -> Void) async throws {
        let questions = LeafQuestions(selection: selection, byteCount: byteCount, from: leaf, until: deadline)
        try await orderedMap(
            width: Self.questionCountMax,
            next: { questions.next() },
            transform: { question in
                let differing = try await self.differing(in: question.extents)
                questions.noteAnswered(question)
                return Answered(nextLeaf: question.nextLeaf, byteCount: question.byteCount, differing: differing)
            },
            consume: note)
    }

    private func differing(in extents: [Extent]) async throws -> [Extent] {
        async let theirs = session.ask(extents, grainByteCount: Self.leafByteCount, isFolded: true)
        let query = DigestQuery(number: 0, extents: extents, grainByteCount: Self.leafByteCount, isFolded: true)
        let ours = try await digester.answer(query)
        guard try await theirs.bytes != ours.bytes else { return [] }
        let ask: DigestComparison.Ask = { [session] in
            try await session.ask($0, grainByteCount: $1, isFolded: false)
        }
        let leaves = try await DigestComparison.differing(extents, Self.leafByteCount, digester, ask)
        // What differs as a whole differs somewhere, or is not read the same each time.
        if leaves.isEmpty, let first = extents.first { throw ProofConflict.unsteady(first) }
        return try await DigestComparison.narrowed(leaves, digester, ask)
    }
}

/// Some leaves that one question is about.
private struct LeafQuestion: Sendable {
    var extents: [Extent] = []
    var leafCount = 0
    var byteCount: UInt64 = 0
    var nextLeaf: UInt64 = 0

    mutating func add(_ leaf: Extent) {
        leafCount += 1
        byteCount += leaf.byteCount
        extents.appendJoining(leaf)
    }
}

/// A proof's questions, one after the other.
private final class LeafQuestions: Sendable {
    private let selection: LeafSelection
    private let byteCount: UInt64
    private let deadline: ContinuousClock.Instant?
    private let began = ContinuousClock.now
    private let place: Mutex<(leaf: UInt64, pace: QuestionPace)>

    init(selection: LeafSelection, byteCount: UInt64, from leaf: UInt64, until deadline: ContinuousClock.Instant?) {
        self.selection = selection
        self.byteCount = byteCount
        self.deadline = deadline
        place = Mutex((leaf, QuestionPace()))
    }

    /// The next one; nil at the end, and when the time is over: one at least is asked, so that a next run comes further.
    func next() -> LeafQuestion? {
        place.withLock { place in
            let now = ContinuousClock.now
            if let deadline, place.pace.askedCount > 0, now >= deadline { return nil }
            let leafCount = deadline.map { place.pace.leafCount(spent: now - began, left: $0 - now) }
            var question = LeafQuestion()
            for _ in 0..<(leafCount ?? ProofComparison.leafCountMax) {
                guard let leaf = selection.next(from: place.leaf) else { break }
                question.add(extent(ofLeaf: leaf))
                place.leaf = leaf + 1
            }
            place.pace.askedCount += question.leafCount
            question.nextLeaf = place.leaf
            return question.extents.isEmpty ? nil : question
        }
    }

    /// Counts a question as answered.
    func noteAnswered(_ question: LeafQuestion) {
        place.withLock { $0.pace.answeredCount += question.leafCount }
    }

    private func extent(ofLeaf leaf: UInt64) -> Extent {
        let offset = leaf * Limits.digestLeafByteCount
        return Extent(offset: offset, byteCount: min(Limits.digestLeafByteCount, byteCount - offset))
    }
}
