import FerryCore

/// The sender's open questions for digests; they are answered in order.
struct OpenQuestions: Sendable {
    private var nextNumber: UInt64 = 0
    private var open: [(number: UInt64, digestCount: Int)] = []

    /// Whether all are answered.
    var isEmpty: Bool { open.isEmpty }

    /// The next question; the peer need not take more than `Limits.digestQueryCountMax` at once.
    mutating func ask(_ extents: [Extent], grainByteCount: UInt64, isFolded: Bool) -> DigestQuery {
        precondition(open.count < Limits.digestQueryCountMax, "at most \(Limits.digestQueryCountMax) open questions")
        let query = DigestQuery(
            number: nextNumber, extents: extents, grainByteCount: grainByteCount, isFolded: isFolded)
        nextNumber += 1
        open.append((query.number, query.digestCount))
        return query
    }

    /// Throws unless this is the answer to the oldest one.
    mutating func close(with digests: Digests) throws(ProtocolViolation) {
        guard let oldest = open.first else {
            throw ProtocolViolation(.unexpected(.digests, state: "no question is open"))
        }
        guard digests.number == oldest.number, digests.count == oldest.digestCount else {
            throw ProtocolViolation(
                .contradiction(
                    "digests", expected: "\(oldest.digestCount) for question \(oldest.number)",
                    found: "\(digests.count) for question \(digests.number)"))
        }
        open.removeFirst()
    }
}

/// The receiver's side of it: questions that came and are not answered.
struct QuestionsToUs: Sendable {
    private var nextNumber: UInt64 = 0
    private var openCount = 0
    private var leftByteCount: UInt64

    /// None yet. In all they are about four times an image of this size at most: its leaves together, one by one, their
    /// grains, and what differed before.
    init(imageByteCount: UInt64 = 0) {
        leftByteCount = max(4 * min(imageByteCount, Limits.imageByteCountMax), 1 << 30)
    }

    /// Throws unless all are answered.
    func requireEmpty(before tag: WireTag) throws(ProtocolViolation) {
        guard openCount == 0 else {
            throw ProtocolViolation(.unexpected(tag, state: "answering \(openCount) questions for digests"))
        }
    }

    /// Throws unless there is room for this question, and it is the next.
    mutating func open(_ query: DigestQuery) throws(ProtocolViolation) {
        guard query.number == nextNumber, openCount < Limits.digestQueryCountMax else {
            throw ProtocolViolation(
                .contradiction(
                    "question for digests",
                    expected: "number \(nextNumber), at most \(Limits.digestQueryCountMax) open",
                    found: "number \(query.number), \(openCount) open"))
        }
        let byteCount = query.extents.reduce(0) { $0 + $1.byteCount }
        guard byteCount <= leftByteCount else {
            throw ProtocolViolation(
                .contradiction("questions for digests", expected: "four times the image at most", found: "more"))
        }
        leftByteCount -= byteCount
        nextNumber += 1
        openCount += 1
    }

    /// Notes that the oldest is answered.
    mutating func close(_ number: UInt64) {
        precondition(openCount > 0 && number == nextNumber - UInt64(openCount), "questions are answered in order")
        openCount -= 1
    }
}
