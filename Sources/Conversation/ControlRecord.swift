import FerryCore
import FoundationEssentials

/// A record whose payload is JSON (of digests: binary). Unknown keys are ignored, so later versions can add some.
public enum ControlRecord: Equatable, Sendable {
    /// The first record each way.
    case hello(Hello)
    /// Sender: an image and the snapshot wanted on the mirror.
    case offer(Offer)
    /// Receiver: what to do about the offer.
    case answer(Answer)
    /// Receiver: what is durable.
    case progress(Progress)
    /// Sender: everything was sent.
    case totals(Totals)
    /// Receiver: the snapshot is published.
    case committed(Committed)
    /// Either: the conversation ends.
    case fault(PeerFault)
    /// Sender: digests wanted.
    case digestQuery(DigestQuery)
    /// Receiver: digests, in binary.
    case digests(Digests)
    /// Sender: what a proof showed.
    case proofResult(ProofResult)
    /// Sender: what lies below an offset is equal, or was sent.
    case settled(Settled)
    /// Either: still here.
    case keepAlive

    /// The wire form.
    public var wireRecord: WireRecord {
        switch self {
        case .hello(let value): .json(.hello, value)
        case .offer(let value): .json(.offer, value)
        case .answer(let value): .json(.answer, value)
        case .progress(let value): .json(.progress, value)
        case .totals(let value): .json(.totals, value)
        case .committed(let value): .json(.committed, value)
        case .fault(let value): .json(.fault, value)
        case .digestQuery(let value): .json(.digestQuery, value)
        case .digests(let value): WireRecord(tag: .digests, payload: value.payload)
        case .proofResult(let value): .json(.proofResult, value)
        case .settled(let value): .json(.settled, value)
        case .keepAlive: WireRecord(tag: .keepAlive, payload: [])
        }
    }

    /// Reads a wire record; nil for a block, which is no control record.
    public init?(_ record: WireRecord) throws(ProtocolViolation) {
        switch record.tag {
        case .hello: self = .hello(try record.decoded(Hello.self))
        case .offer: self = .offer(try record.decoded(Offer.self))
        case .answer: self = .answer(try record.decoded(Answer.self))
        case .progress: self = .progress(try record.decoded(Progress.self))
        case .totals: self = .totals(try record.decoded(Totals.self))
        case .committed: self = .committed(try record.decoded(Committed.self))
        case .fault: self = .fault(try record.decoded(PeerFault.self))
        case .digestQuery: self = .digestQuery(try record.decoded(DigestQuery.self))
        case .digests: self = .digests(try Digests(payload: record.payload))
        case .proofResult: self = .proofResult(try record.decoded(ProofResult.self))
        case .settled: self = .settled(try record.decoded(Settled.self))
        case .keepAlive: self = .keepAlive
        case .block: return nil
        }
    }

    /// The tag it travels under.
    public var tag: WireTag {
        switch self {
        case .hello: .hello
        case .offer: .offer
        case .answer: .answer
        case .progress: .progress
        case .totals: .totals
        case .committed: .committed
        case .fault: .fault
        case .digestQuery: .digestQuery
        case .digests: .digests
        case .proofResult: .proofResult
        case .settled: .settled
        case .keepAlive: .keepAlive
        }
    }
}

extension WireRecord {
    fileprivate static func json(_ tag: WireTag, _ value: some Encodable) -> WireRecord {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            preconditionFailure("control records hold only what JSON can")
        }
        return WireRecord(tag: tag, payload: Array(data))
    }

    fileprivate func decoded<Value: Decodable>(_ type: Value.Type) throws(ProtocolViolation) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(payload.bytes))
        } catch let error as DecodingError {
            throw ProtocolViolation(.malformed(tag, error.briefly))
        } catch {
            throw ProtocolViolation(.malformed(tag, "not JSON"))
        }
    }
}

extension DecodingError {
    fileprivate var briefly: String {
        switch self {
        case .keyNotFound(let key, _): "no key \(key.stringValue)"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "wrong value at \(context.codingPath.map(\.stringValue).joined(separator: "."))"
        case .dataCorrupted(let context): context.debugDescription
        @unknown default: "not as expected"
        }
    }
}
