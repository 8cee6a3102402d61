import FerryCore

@testable import Conversation

/// What a peer may say to a machine: right, nearly right, or anything.
enum PeerWords {
    static let image = ImageIdentity(cluster: "c", pool: 1, image: "i")
    /// Snapshots that offers and answers name; two have one name, and the last is too new to be a base.
    static let snapshots = [
        SnapshotIdentity(id: 1, name: "a"), SnapshotIdentity(id: 2, name: "b"), SnapshotIdentity(id: 3, name: "a"),
        SnapshotIdentity(id: 4, name: "\u{e9}"), SnapshotIdentity(id: 4, name: "e\u{301}"),
        SnapshotIdentity(id: 9, name: "z"), SnapshotIdentity(id: .max, name: ""),
    ]
    static let digests = ["aa", "ab", ""]

    /// A right offer, of the first snapshots, for the target that the input chooses.
    static func offer(_ input: inout FuzzInput) -> Offer {
        let choice = Int(input.byte())
        return Offer(
            image: "vm", source: image, byteCount: 1 << 20,
            layout: OfferedLayout(objectOrder: 22, stripeUnitByteCount: 1 << 22, stripeCount: 1),
            snapshots: Array(snapshots.prefix(choice & 7)), target: SnapshotIdentity(id: 5, name: "t"),
            mode: choice & 8 != 0 ? .hybrid : .exact, checkpointByteCount: 64 << 20)
    }

    static func hello(_ input: inout FuzzInput) -> Hello {
        var hello = Hello(agentVersion: "1", site: "s")
        let choice = input.byte()
        if choice & 1 != 0 { hello.protocolVersion = Int(truncatingIfNeeded: input.number(near: 1)) }
        if choice & 2 != 0 { hello.protocolVersionMin = Int(truncatingIfNeeded: input.number(near: 1)) }
        return hello
    }

    static func fault(_ input: inout FuzzInput) -> PeerFault {
        PeerFault(disposition: .refused, cause: "no", remedy: "")
    }

    static func progress(_ input: inout FuzzInput, near last: Progress) -> Progress {
        let shares: [Double?] = [nil, 0, 1, 0.5, -0.1, 1.1, .nan, .infinity]
        return Progress(
            watermark: input.number(near: last.watermark),
            contentByteCount: input.number(near: last.contentByteCount), starvedShare: input.one(of: shares))
    }

    static func answer(_ input: inout FuzzInput) -> Answer {
        Answer(
            kind: input.one(of: [.send, .published, .refused]),
            base: input.one(of: snapshots.map { $0 } + [nil]), watermark: input.number(),
            savedContentByteCount: input.number(), fault: input.one(of: [fault(&input), nil]))
    }

    /// An offer that only protocol 2 knows, perhaps.
    static func laterOffer(_ input: inout FuzzInput) -> Offer {
        var offer = offer(&input)
        offer.purpose = input.one(of: [nil, .transfer, .proof, .repair])
        offer.lostBaseMode = input.one(of: [nil, .compare, .full])
        offer.mode = input.one(of: DiffMode.allCases)
        return offer
    }

    /// An answer that only protocol 2 knows, perhaps.
    static func laterAnswer(_ input: inout FuzzInput) -> Answer {
        var answer = answer(&input)
        answer.kind = input.one(of: [.send, .prove])
        answer.mode = input.one(of: [nil] + DiffMode.allCases.map { $0 })
        answer.mirror = input.one(of: [snapshots[0], nil])
        answer.mirrorByteCount = input.one(of: [1 << 20, nil, input.number()])
        if input.byte() & 1 != 0 { answer.base = SnapshotIdentity(id: 5, name: "t") }
        if input.byte() & 1 != 0 { answer.base = nil }
        return answer
    }

    /// Digests for a question, nearly right.
    static func digests(_ input: inout FuzzInput, number: UInt64, count: Int) -> Digests {
        let counts = [count, count, count, count + 1, max(0, count - 1)]
        return Digests(
            number: input.one(of: [number, number, number, number &+ 1]),
            bytes: [UInt8](repeating: 7, count: input.one(of: counts) * Digests.digestByteCount))
    }

    /// A question, right or nearly so.
    static func query(_ input: inout FuzzInput, number: UInt64) -> DigestQuery {
        let grains = [Limits.digestGrainByteCountMin, 1 << 20, Limits.digestLeafByteCount, 0, 3, 1 << 63]
        var extents: [Extent] = []
        for _ in 0..<(1 + input.byte() % 3) {
            let offset = UInt64(input.byte() & 31) << 16
            let byteCount = input.one(of: [1 << 16, 1 << 20, input.number()])
            if let extent = Extent(untrustedOffset: offset, byteCount: byteCount) { extents.append(extent) }
        }
        return DigestQuery(
            number: input.one(of: [number, number, number, number &+ 1]), extents: extents,
            grainByteCount: input.one(of: grains), isFolded: input.byte() & 1 != 0)
    }

    static func proofResult(_ input: inout FuzzInput) -> ProofResult {
        ProofResult(
            scope: input.one(of: ["full", "\u{1b}[2J", String(repeating: "x", count: 65)]),
            imageByteCount: input.number(near: 1 << 20), comparedByteCount: input.number(near: 1 << 20),
            differingByteCount: input.number(), differing: [], endsAlarm: input.byte() & 1 != 0)
    }

    static func totals(_ input: inout FuzzInput) -> Totals {
        Totals(
            blockCount: input.number(), recordCount: input.number(), contentByteCount: input.number(),
            digest: input.one(of: digests))
    }

    static func committed(_ input: inout FuzzInput, target: SnapshotIdentity?) -> Committed {
        Committed(
            target: input.one(of: snapshots + (target.map { [$0, $0, $0, $0] } ?? [])),
            digest: input.one(of: digests))
    }

    /// Any record: a tag, a length and bytes.
    static func any(_ input: inout FuzzInput) -> WireRecord {
        let tag = input.one(of: WireTag.allCases)
        return WireRecord(tag: tag, payload: input.bytes(Int(input.byte())))
    }
}

/// What a machine says about a record, or nil when it refuses the record. A refusal must be showable.
func answer<Event>(_ body: () throws(ProtocolViolation) -> Event) -> Event? {
    do throws(ProtocolViolation) {
        return try body()
    } catch {
        requireShowable(error)
        return nil
    }
}
