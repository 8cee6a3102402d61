public import FerryCore

/// The peer sent what the protocol does not allow.
public struct ProtocolViolation: Failure, Equatable {
    /// What was wrong.
    public enum Kind: Equatable, Sendable {
        /// The connection did not begin with the banner.
        case banner
        /// No record has this tag; standard records travel only inside blocks.
        case unknownTag(UInt8)
        /// A record states more bytes than its limit.
        case tooLong(WireTag, byteCount: UInt64, limit: Int)
        /// A control record's JSON does not say what it must.
        case malformed(WireTag, String)
        /// A record that the conversation's state has no place for.
        case unexpected(WireTag, state: String)
        /// No protocol version that both sides speak.
        case version(ours: ClosedRange<Int>, theirs: ClosedRange<Int>)
        /// A value that contradicts what was agreed.
        case contradiction(String, expected: String, found: String)
    }

    /// What was wrong.
    public let kind: Kind
    /// The record it was found in, counted from 0 for the connection; -1 where no record was at hand.
    public let recordNumber: Int
    /// Bytes of the connection read until then.
    public let byteOffset: UInt64

    /// A violation with its place.
    public init(_ kind: Kind, recordNumber: Int = -1, byteOffset: UInt64 = 0) {
        self.kind = kind
        self.recordNumber = recordNumber
        self.byteOffset = byteOffset
    }

    /// A violation is not cured by repeating it.
    public var disposition: Disposition { .permanent }

    /// What happened.
    public var cause: String {
        let place = recordNumber < 0 ? "" : " (record \(recordNumber), byte \(byteOffset) of the connection)"
        return "the peer broke the protocol: \(kindText)\(place)"
    }

    /// What the user can do.
    public var remedy: String {
        switch kind {
        case .banner: "check that the address is that of an rbd-ferry agent"
        case .version: "upgrade the older agent"
        default: "check that both agents run released versions; report it if they do"
        }
    }

    private var kindText: String {
        switch kind {
        case .banner: "it does not begin with an rbd-ferry banner"
        case .unknownTag(let tag): "unknown record tag 0x\(String(tag, radix: 16))"
        case .tooLong(let tag, let byteCount, let limit): "\(tag) record of \(byteCount) bytes, limit \(limit)"
        case .malformed(let tag, let what): "malformed \(tag) record: \(what)"
        case .unexpected(let tag, let state): "\(tag) record while \(state)"
        case .version(let ours, let theirs):
            "it speaks protocol \(theirs.lowerBound) to \(theirs.upperBound), "
                + "we speak \(ours.lowerBound) to \(ours.upperBound)"
        case .contradiction(let what, let expected, let found): "\(what): expected \(expected), found \(found)"
        }
    }
}
