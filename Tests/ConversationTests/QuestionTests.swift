import Conversation
import FerryCore
import Testing

private let base = SnapshotIdentity(id: 1, name: "a")
private let target = SnapshotIdentity(id: 2, name: "b")
private let leaf = Limits.digestLeafByteCount
private let hello = Hello(agentVersion: "1", site: "s")
private let totals = Totals(blockCount: 0, recordCount: 0, contentByteCount: 0, digest: "aa")

private func offer(
    mode: DiffMode = .hybrid, purpose: OfferPurpose? = nil, lostBaseMode: DiffMode? = nil
) -> Offer {
    Offer(
        image: "vm", source: ImageIdentity(cluster: "c", pool: 1, image: "i"), byteCount: 8 * leaf + 5,
        layout: OfferedLayout(objectOrder: 22, stripeUnitByteCount: 1 << 22, stripeCount: 1), snapshots: [base],
        target: target, mode: mode, checkpointByteCount: 64 << 20, purpose: purpose, lostBaseMode: lostBaseMode)
}

private func digests(_ number: UInt64, _ count: Int) -> Digests {
    Digests(number: number, bytes: [UInt8](repeating: 7, count: count * Digests.digestByteCount))
}

private let whole = [Extent(offset: 0, byteCount: 8 * leaf + 5)]
private let result = ProofResult(
    scope: "full", imageByteCount: 100, comparedByteCount: 100, differingByteCount: 5,
    differing: [Extent(offset: 0, byteCount: 5)], endsAlarm: false)

@Suite("Questions for digests, the sender's machine")
struct SenderQuestionTests {
    private func offered(_ offer: Offer) throws -> SenderMachine {
        var machine = SenderMachine()
        _ = try machine.received(.hello(hello))
        machine.offer(offer)
        return machine
    }

    private func comparing() throws -> SenderMachine {
        var machine = try offered(offer(mode: .compare))
        _ = try machine.received(.answer(.send(base: base, watermark: 0)))
        return machine
    }

    @Test("are numbered, and answered in order, while comparing")
    func inOrder() throws {
        var machine = try comparing()
        let first = machine.ask(whole, grainByteCount: leaf, isFolded: false)
        let second = machine.ask(whole, grainByteCount: leaf, isFolded: true)
        #expect((first.number, second.number) == (0, 1))
        #expect((first.digestCount, second.digestCount) == (9, 1))
        #expect(first.grains.map(\.byteCount) == Array(repeating: leaf, count: 8) + [5])
        machine.block(contentByteCount: 5)
        #expect(try machine.received(.digests(digests(0, 9))) == .digests(digests(0, 9)))
        #expect(try machine.received(.digests(digests(1, 1))) == .digests(digests(1, 1)))
        machine.settle()
        var totals = totals
        totals.contentByteCount = 5
        machine.end(totals)
    }

    @Test(
        "answered otherwise are a violation: another number, another count, or nothing was asked",
        arguments: [digests(1, 9), digests(0, 8), digests(0, 10), digests(0, 0)])
    func wrongAnswers(wrong: Digests) throws {
        var machine = try comparing()
        #expect(throws: ProtocolViolation.self) { try machine.received(.digests(wrong)) }
        _ = machine.ask(whole, grainByteCount: leaf, isFolded: false)
        #expect(throws: ProtocolViolation.self) { try machine.received(.digests(wrong)) }
    }

    @Test("answers have no place in a transfer by a list of changes")
    func noPlace() throws {
        var machine = try offered(offer())
        _ = try machine.received(.answer(.send(base: base, watermark: 0)))
        #expect(throws: ProtocolViolation.self) { try machine.received(.digests(digests(0, 1))) }
    }

    @Test("begin at 0 with each offer")
    func numbersBeginAnew() throws {
        var machine = try offered(offer(purpose: .proof))
        _ = try machine.received(.answer(.prove(base: target, mirror: base, byteCount: 8 * leaf)))
        _ = machine.ask(whole, grainByteCount: leaf, isFolded: true)
        _ = try machine.received(.digests(digests(0, 1)))
        machine.conclude()
        let committed = Committed(target: target, digest: "")
        #expect(try machine.received(.committed(committed)) == .committed(committed))
        machine.offer(offer(mode: .compare))
        _ = try machine.received(.answer(.send(base: nil, watermark: 0)))
        #expect(machine.ask(whole, grainByteCount: leaf, isFolded: true).number == 0)
    }

    @Test("a proof's end names what was proven")
    func wrongProof() throws {
        var machine = try offered(offer(purpose: .proof))
        _ = try machine.received(.answer(.prove(base: base, mirror: base, byteCount: 8 * leaf)))
        machine.conclude()
        #expect(throws: ProtocolViolation.self) {
            try machine.received(.committed(Committed(target: target, digest: "")))
        }
    }

    @Test("a lost base is sent in the mode that was offered for it, and only without a base")
    func lostBase() throws {
        var machine = try offered(offer(lostBaseMode: .compare))
        let answer = Answer.send(base: nil, watermark: 4096, mode: .compare)
        #expect(
            try machine.received(.answer(answer))
                == .send(base: nil, watermark: 4096, savedContentByteCount: 0, mode: .compare))
        let wrong: [(Offer, Answer)] = [
            (offer(), answer), (offer(lostBaseMode: .full), answer),
            (offer(lostBaseMode: .compare), .send(base: base, watermark: 0, mode: .compare)),
            (offer(mode: .exact), .send(base: base, watermark: 0, mode: .hybrid)),
            (offer(), .prove(base: target, mirror: base, byteCount: 8 * leaf)),
            (offer(purpose: .repair, lostBaseMode: nil), .prove(base: target, mirror: base, byteCount: 8 * leaf)),
            (offer(purpose: .proof), .send(base: base, watermark: 0)),
            (
                offer(purpose: .proof),
                .prove(base: SnapshotIdentity(id: 9, name: "x"), mirror: base, byteCount: 8 * leaf)
            ),
        ]
        for (offer, answer) in wrong {
            var machine = try offered(offer)
            #expect(throws: ProtocolViolation.self, "\(answer)") { try machine.received(.answer(answer)) }
        }
    }

    @Test("the version that both speak is agreed on")
    func agreedVersion() throws {
        for (versions, agreed) in [(1...1, 1), (1...2, 2), (2...7, 2)] {
            var machine = SenderMachine()
            #expect(machine.agreedVersion == nil)
            _ = try machine.received(.hello(Hello(agentVersion: "1", site: "s", versions: versions)))
            #expect(machine.agreedVersion == agreed)
        }
    }
}

@Suite("Questions for digests, the receiver's machine")
struct ReceiverQuestionTests {
    private func offered(
        _ offer: Offer, versions: ClosedRange<Int> = Hello.supportedVersions
    ) throws -> ReceiverMachine {
        var machine = ReceiverMachine()
        _ = try machine.received(
            ControlRecord.hello(Hello(agentVersion: "1", site: "s", versions: versions)).wireRecord)
        _ = try machine.received(ControlRecord.offer(offer).wireRecord)
        return machine
    }

    private func comparing() throws -> ReceiverMachine {
        var machine = try offered(offer(mode: .compare))
        machine.answer(.send(base: base, watermark: 0))
        return machine
    }

    private func proving() throws -> ReceiverMachine {
        var machine = try offered(offer(purpose: .proof))
        machine.answer(.prove(base: target, mirror: base, byteCount: 8 * leaf))
        return machine
    }

    private func query(_ number: UInt64, _ extents: [Extent] = whole, grain: UInt64 = leaf) -> WireRecord {
        ControlRecord.digestQuery(
            DigestQuery(number: number, extents: extents, grainByteCount: grain, isFolded: false)
        ).wireRecord
    }

    @Test("come while comparing, a few at a time, beside blocks")
    func comparingAsks() throws {
        var machine = try comparing()
        for number in 0..<UInt64(Limits.digestQueryCountMax) {
            guard case .asked(let query) = try machine.received(query(number)) else {
                Issue.record("not asked")
                return
            }
            #expect(query.number == number && query.extents == whole)
        }
        var crowded = machine
        #expect(throws: ProtocolViolation.self) {
            try crowded.received(query(UInt64(Limits.digestQueryCountMax)))
        }
        machine.answered(digests(0, 9))
        _ = try machine.received(query(UInt64(Limits.digestQueryCountMax)))
        _ = try machine.received(WireRecord(tag: .block, payload: [1]))
    }

    @Test("out of turn are a violation, and so is an end before the answers")
    func outOfTurn() throws {
        var machine = try comparing()
        #expect(throws: ProtocolViolation.self) { try machine.received(query(1)) }
        _ = try machine.received(query(0))
        var again = machine
        #expect(throws: ProtocolViolation.self) { try again.received(query(0)) }
        #expect(throws: ProtocolViolation.self) { try machine.received(ControlRecord.totals(totals).wireRecord) }
        machine.answered(digests(0, 9))
        #expect(try machine.received(ControlRecord.totals(totals).wireRecord) == .ended(totals))
        #expect(throws: ProtocolViolation.self) { try machine.received(query(1)) }
        var proof = try proving()
        _ = try proof.received(query(0, [Extent(offset: 0, byteCount: leaf)]))
        #expect(throws: ProtocolViolation.self) { try proof.received(ControlRecord.proofResult(result).wireRecord) }
    }

    @Test("have no place in a transfer by a list of changes, nor has what is settled")
    func noPlace() throws {
        let settled = ControlRecord.settled(Settled(offset: 1)).wireRecord
        for mode in [DiffMode.hybrid, .exact, .full] {
            var machine = try offered(offer(mode: mode))
            machine.answer(.send(base: mode == .full ? nil : base, watermark: 0))
            for record in [query(0), settled] {
                #expect(throws: ProtocolViolation.self) { try machine.received(record) }
            }
        }
        var idle = try proving()
        #expect(throws: ProtocolViolation.self) { try idle.received(settled) }
    }

    @Test("are taken for a lost base that is compared, too")
    func lostBase() throws {
        var machine = try offered(offer(lostBaseMode: .compare))
        machine.answer(.send(base: nil, watermark: 0, mode: .compare))
        guard case .asked = try machine.received(query(0)) else {
            Issue.record("not asked")
            return
        }
    }

    @Test("what is settled ends inside the image")
    func settled() throws {
        var machine = try comparing()
        #expect(try machine.received(ControlRecord.settled(Settled(offset: leaf)).wireRecord) == .settled(leaf))
        let end = 8 * leaf + 5
        #expect(try machine.received(ControlRecord.settled(Settled(offset: end)).wireRecord) == .settled(end))
        for offset in [end + 1, .max] {
            #expect(throws: ProtocolViolation.self) {
                try machine.received(ControlRecord.settled(Settled(offset: offset)).wireRecord)
            }
        }
    }

    @Test(
        "past a limit are a violation",
        arguments: [
            ([], leaf), (whole, 0), (whole, 3 << 16), (whole, 1 << 15), (whole, leaf * 2), (whole, .max),
            ([Extent(offset: 1, byteCount: leaf)], leaf), ([Extent(offset: 0, byteCount: leaf + 1)], leaf),
            ([Extent(offset: 0, byteCount: 0)], leaf), ([Extent(offset: 0, byteCount: 8 * leaf + 6)], leaf),
            ([Extent(offset: 64 * leaf, byteCount: leaf)], leaf),
            ([Extent(offset: leaf, byteCount: leaf), Extent(offset: 0, byteCount: leaf)], leaf),
            ([Extent(offset: 0, byteCount: leaf), Extent(offset: 0, byteCount: leaf)], leaf),
        ] as [([Extent], UInt64)])
    func limits(extents: [Extent], grain: UInt64) throws {
        var machine = try comparing()
        #expect(throws: ProtocolViolation.self) { try machine.received(query(0, extents, grain: grain)) }
    }

    @Test("about too much at once are a violation")
    func tooMuch() throws {
        var large = offer(mode: .compare)
        large.byteCount = 1 << 40
        var machine = try offered(large)
        machine.answer(.send(base: base, watermark: 0))
        let count = UInt64(Limits.digestQueryExtentCountMax) + 1
        let many = (0..<count).map { Extent(offset: $0 * leaf, byteCount: 1 << 16) }
        let wide = [Extent(offset: 0, byteCount: Limits.digestQueryByteCountMax + leaf)]
        for extents in [many, wide] {
            #expect(throws: ProtocolViolation.self) { try machine.received(query(0, extents, grain: 1 << 16)) }
        }
        // As much as there may be still fits in one record.
        let most = (0..<count - 1).map { Extent(offset: (1 << 39) + $0 * leaf, byteCount: 1 << 16) }
        #expect(query(0, most).payload.byteCount < Limits.controlByteCountMax)
        guard case .asked = try machine.received(query(0, most, grain: 1 << 16)) else {
            Issue.record("not asked")
            return
        }
    }

    @Test("during a proof reach to the snapshot's end, and its result ends it")
    func proof() throws {
        var machine = try proving()
        #expect(throws: ProtocolViolation.self) { try machine.received(query(0)) }
        _ = try machine.received(query(0, [Extent(offset: 0, byteCount: 8 * leaf)]))
        machine.answered(digests(0, 8))
        #expect(throws: ProtocolViolation.self) { try machine.received(WireRecord(tag: .block, payload: [1])) }
        #expect(try machine.received(ControlRecord.proofResult(result).wireRecord) == .proved(result))
        #expect(throws: ProtocolViolation.self) { try machine.received(query(1)) }
        #expect(machine.concluded() == Committed(target: target, digest: ""))
        _ = try machine.received(ControlRecord.offer(offer()).wireRecord)
    }

    @Test(
        "a result whose numbers do not fit each other is a violation",
        arguments: [
            { (result: inout ProofResult) in result.comparedByteCount = result.imageByteCount + 1 },
            { result in result.differingByteCount = result.comparedByteCount + 1 },
            { result in result.imageByteCount = .max },
            { result in result.scope = String(repeating: "x", count: 65) },
            { result in
                result.differing = Array(
                    repeating: Extent(offset: 0, byteCount: 1), count: Limits.differingExtentCountMax + 1)
            },
            { result in result.differing = [Extent(offset: 0, byteCount: result.differingByteCount + 1)] },
            { result in result.differing = [Extent(offset: result.imageByteCount, byteCount: 1)] },
        ] as [@Sendable (inout ProofResult) -> Void])
    func wrongResult(change: @Sendable (inout ProofResult) -> Void) throws {
        var machine = try proving()
        var wrong = result
        change(&wrong)
        #expect(throws: ProtocolViolation.self) { try machine.received(ControlRecord.proofResult(wrong).wireRecord) }
    }

    @Test("offers that would mend a head by a list of changes are a violation")
    func wrongModes() throws {
        let offers = [
            offer(lostBaseMode: .hybrid), offer(mode: .compare, lostBaseMode: .exact), offer(purpose: .repair),
            offer(mode: .full, purpose: .repair),
        ]
        for offer in offers { #expect(throws: ProtocolViolation.self) { try offered(offer) } }
    }

    @Test("offers that need protocol 2 are a violation under protocol 1")
    func oldProtocol() throws {
        let offers = [
            offer(mode: .compare), offer(mode: .full), offer(purpose: .proof),
            offer(mode: .compare, purpose: .repair),
            offer(purpose: .transfer), offer(lostBaseMode: .compare),
        ]
        for offer in offers {
            #expect(offer.needsVersion2)
            #expect(throws: ProtocolViolation.self) { try offered(offer, versions: 1...1) }
            _ = try offered(offer)
        }
        #expect(!offer().needsVersion2)
        _ = try offered(offer(), versions: 1...1)
    }
}

@Suite("Records of protocol 2")
struct QuestionRecordTests {
    @Test("are read as they were written")
    func readBack() throws {
        let records: [ControlRecord] = [
            .digestQuery(DigestQuery(number: 3, extents: whole, grainByteCount: leaf, isFolded: true)),
            .digests(digests(3, 2)), .digests(digests(0, 0)), .proofResult(result), .settled(Settled(offset: 77)),
            .offer(offer(mode: .compare, purpose: .repair)), .offer(offer(lostBaseMode: .full)),
            .answer(.prove(base: base, mirror: target, byteCount: 8 * leaf)),
            .answer(.send(base: nil, watermark: 1, mode: .compare)),
        ]
        for record in records { #expect(try ControlRecord(record.wireRecord) == record) }
    }

    @Test("digests of a length that is no number of digests are malformed")
    func malformedDigests() {
        for byteCount in [0, 7, 9, 8 + 31, 8 + 33] {
            let record = WireRecord(tag: .digests, payload: [UInt8](repeating: 0, count: byteCount))
            #expect(throws: ProtocolViolation.self) { try ControlRecord(record) }
        }
    }

    @Test(
        "extents that are none are malformed",
        arguments: ["[[1]]", "[[1,2,3]]", "[[18446744073709551615,1]]", "[[9007199254740993000,1]]", "[[-1,5]]", "5"])
    func malformedExtents(extents: String) {
        let json = #"{"number":0,"grain_bytes":65536,"folded":false,"extents":\#(extents)}"#
        let record = WireRecord(tag: .digestQuery, payload: Array(json.utf8))
        #expect(throws: ProtocolViolation.self) { try ControlRecord(record) }
    }
}
