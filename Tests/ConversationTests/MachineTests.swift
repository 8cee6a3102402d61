import Conversation
import FerryCore
import Testing

private let base = SnapshotIdentity(id: 1, name: "a")
private let target = SnapshotIdentity(id: 2, name: "b")
private let offer = Offer(
    image: "vm", source: ImageIdentity(cluster: "c", pool: 1, image: "i"), byteCount: 1 << 20,
    layout: OfferedLayout(objectOrder: 22, stripeUnitByteCount: 1 << 22, stripeCount: 1), snapshots: [base],
    target: target, mode: .hybrid, checkpointByteCount: 64 << 20)
private let hello = Hello(agentVersion: "1", site: "s")
private let totals = Totals(blockCount: 1, recordCount: 3, contentByteCount: 100, digest: "aa")

@Suite("The sender's machine")
struct SenderMachineTests {
    private func streaming() throws -> SenderMachine {
        var machine = SenderMachine()
        #expect(try machine.received(.hello(hello)) == .ready(hello))
        machine.offer(offer)
        let event = try machine.received(.answer(.send(base: base, watermark: 4096, savedContentByteCount: 9)))
        #expect(event == .send(base: base, watermark: 4096, savedContentByteCount: 9, mode: .hybrid))
        return machine
    }

    @Test("a whole transfer, then the next offer")
    func transfer() throws {
        var machine = try streaming()
        machine.block(contentByteCount: 100)
        let progress = Progress(watermark: 8192, contentByteCount: 60)
        #expect(try machine.received(.progress(progress)) == .progress(progress))
        #expect(try machine.received(.keepAlive) == .nothing)
        machine.end(totals)
        let committed = Committed(target: target, digest: "aa")
        #expect(try machine.received(.committed(committed)) == .committed(committed))
        machine.offer(offer)
        #expect(try machine.received(.answer(.published)) == .alreadyPublished)
    }

    @Test("a refusal leaves room for other offers")
    func refusal() throws {
        var machine = SenderMachine()
        _ = try machine.received(.hello(hello))
        machine.offer(offer)
        let fault = PeerFault(disposition: .refused, cause: "no", remedy: "ask")
        #expect(try machine.received(.answer(.refused(fault))) == .refused(fault))
        machine.offer(offer)
    }

    @Test("a base that was not offered is a violation")
    func foreignBase() throws {
        var machine = SenderMachine()
        _ = try machine.received(.hello(hello))
        machine.offer(offer)
        let other = SnapshotIdentity(id: 1, name: "x")
        #expect(throws: ProtocolViolation.self) { try machine.received(.answer(.send(base: other, watermark: 0))) }
    }

    @Test("durable content can't exceed what was sent, and progress never falls")
    func impossibleProgress() throws {
        var machine = try streaming()
        machine.block(contentByteCount: 100)
        #expect(throws: ProtocolViolation.self) {
            try machine.received(.progress(Progress(watermark: 8192, contentByteCount: 101)))
        }
        _ = try machine.received(.progress(Progress(watermark: 8192, contentByteCount: 50)))
        #expect(throws: ProtocolViolation.self) {
            try machine.received(.progress(Progress(watermark: 8191, contentByteCount: 60)))
        }
    }

    @Test("a starved share that is none is a violation", arguments: [-0.001, 1.001, 1e300, -.infinity, .nan])
    func impossibleShare(share: Double) throws {
        var machine = try streaming()
        machine.block(contentByteCount: 100)
        let right = Progress(watermark: 8192, contentByteCount: 50, starvedShare: 1)
        #expect(try machine.received(.progress(right)) == .progress(right))
        #expect(throws: ProtocolViolation.self) {
            try machine.received(.progress(Progress(watermark: 8192, contentByteCount: 50, starvedShare: share)))
        }
    }

    @Test("a commit of another snapshot, or with another digest, is a violation")
    func wrongCommit() throws {
        for committed in [Committed(target: base, digest: "aa"), Committed(target: target, digest: "ab")] {
            var machine = try streaming()
            machine.block(contentByteCount: 100)
            machine.end(totals)
            #expect(throws: ProtocolViolation.self) { try machine.received(.committed(committed)) }
        }
    }

    @Test("a commit before the totals is a violation: the end is explicit")
    func earlyCommit() throws {
        var machine = try streaming()
        #expect(throws: ProtocolViolation.self) {
            try machine.received(.committed(Committed(target: target, digest: "aa")))
        }
    }

    @Test("peers without a common protocol version part")
    func versions() {
        for versions in [3...4, 5...5] {
            var machine = SenderMachine()
            let theirs = Hello(agentVersion: "9", site: "s", versions: versions)
            #expect(throws: ProtocolViolation(.version(ours: 1...2, theirs: versions))) {
                try machine.received(.hello(theirs))
            }
        }
        var machine = SenderMachine()
        let wide = Hello(agentVersion: "9", site: "s", versions: 1...7)
        #expect(throws: Never.self) { try machine.received(.hello(wide)) }
    }

    @Test("a fault ends the conversation in any state")
    func fault() throws {
        let fault = PeerFault(disposition: .temporary, cause: "stopping", remedy: "wait")
        var machine = SenderMachine()
        #expect(try machine.received(.fault(fault)) == .fault(fault))
    }

    @Test("what was about to go out when a fault came in is no error")
    func faultOvertakes() throws {
        let fault = PeerFault(disposition: .unauthorized, cause: "no", remedy: "")
        var machine = try streaming()
        _ = try machine.received(.fault(fault))
        machine.block(contentByteCount: 5)
        machine.end(totals)
        machine.offer(offer)
        #expect(throws: ProtocolViolation.self) { try machine.received(.answer(.published)) }
    }
}

@Suite("The receiver's machine")
struct ReceiverMachineTests {
    private func receiving() throws -> ReceiverMachine {
        var machine = ReceiverMachine()
        #expect(try machine.received(ControlRecord.hello(hello).wireRecord) == .ready(hello))
        #expect(try machine.received(ControlRecord.offer(offer).wireRecord) == .offered(offer))
        machine.answer(.send(base: base, watermark: 0))
        return machine
    }

    @Test("a whole transfer, then the next offer")
    func transfer() throws {
        var machine = try receiving()
        #expect(
            try machine.received(WireRecord(tag: .block, payload: [1, 2])) == .block(BufferSlice(DataBuffer([1, 2]))))
        machine.progress(Progress(watermark: 10, contentByteCount: 2))
        #expect(try machine.received(ControlRecord.totals(totals).wireRecord) == .ended(totals))
        var stages = StageTimes()
        stages.add(microseconds: 5, to: .apply)
        #expect(machine.committed(stages: stages) == Committed(target: target, digest: "aa", stages: stages))
        #expect(try machine.received(ControlRecord.offer(offer).wireRecord) == .offered(offer))
    }

    @Test("blocks come only after an answer that asks for them")
    func earlyBlock() throws {
        var machine = ReceiverMachine()
        _ = try machine.received(ControlRecord.hello(hello).wireRecord)
        #expect(throws: ProtocolViolation.self) { try machine.received(WireRecord(tag: .block, payload: [])) }
        _ = try machine.received(ControlRecord.offer(offer).wireRecord)
        machine.answer(.published)
        #expect(throws: ProtocolViolation.self) { try machine.received(WireRecord(tag: .block, payload: [])) }
    }

    @Test("nothing follows the totals")
    func blockAfterTotals() throws {
        var machine = try receiving()
        _ = try machine.received(ControlRecord.totals(totals).wireRecord)
        #expect(throws: ProtocolViolation.self) { try machine.received(WireRecord(tag: .block, payload: [])) }
        #expect(throws: ProtocolViolation.self) { try machine.received(ControlRecord.totals(totals).wireRecord) }
    }

    @Test("a checkpoint that ends after the sender's fault is no error")
    func faultOvertakes() throws {
        var machine = try receiving()
        let fault = PeerFault(disposition: .permanent, cause: "stop", remedy: "")
        #expect(try machine.received(ControlRecord.fault(fault).wireRecord) == .fault(fault))
        machine.progress(Progress(watermark: 10, contentByteCount: 2))
        #expect(throws: ProtocolViolation.self) { try machine.received(WireRecord(tag: .block, payload: [])) }
    }

    @Test(
        "an offer past a limit is a violation",
        arguments: [
            { (offer: inout Offer) in offer.image = "" },
            { offer in offer.image = "a\0b" },
            { offer in offer.target = SnapshotIdentity(id: 2, name: String(repeating: "x", count: 4097)) },
            { offer in offer.byteCount = Limits.imageByteCountMax + 1 },
            { offer in offer.snapshots = Array(repeating: base, count: Limits.offeredSnapshotCountMax + 1) },
            { offer in offer.checkpointByteCount = 0 },
            { offer in offer.source = ImageIdentity(cluster: String(repeating: "x", count: 257), pool: 0, image: "") },
        ] as [@Sendable (inout Offer) -> Void])
    func offerLimits(change: @Sendable (inout Offer) -> Void) throws {
        var machine = ReceiverMachine()
        _ = try machine.received(ControlRecord.hello(hello).wireRecord)
        var bad = offer
        change(&bad)
        #expect(throws: ProtocolViolation.self) { try machine.received(ControlRecord.offer(bad).wireRecord) }
    }
}
