import FerryCore

/// The answer to a question for digests: SHA-256 of each grain, or of all of them together.
public struct Digests: Equatable, Sendable {
    /// Bytes of one digest.
    public static let digestByteCount = 32
    static let payloadByteCountMax = 8 + digestByteCount * Limits.digestCountMax

    /// The question's number.
    public let number: UInt64
    /// The digests one after another.
    public let bytes: [UInt8]

    /// An answer from its parts.
    public init(number: UInt64, bytes: [UInt8]) {
        precondition(bytes.count.isMultiple(of: Self.digestByteCount), "whole digests")
        self.number = number
        self.bytes = bytes
    }

    /// How many there are.
    public var count: Int { bytes.count / Self.digestByteCount }

    /// One of them.
    public subscript(index: Int) -> ArraySlice<UInt8> {
        bytes[index * Self.digestByteCount..<(index + 1) * Self.digestByteCount]
    }

    /// The wire form: le64 number, then the digests.
    var payload: [UInt8] {
        var payload: [UInt8] = []
        payload.reserveCapacity(8 + bytes.count)
        payload.append(littleEndian: number)
        payload.append(contentsOf: bytes)
        return payload
    }

    /// Reads the wire form.
    init(payload: BufferSlice) throws(ProtocolViolation) {
        let all = Array(payload.bytes)
        guard (8...Self.payloadByteCountMax).contains(all.count), (all.count - 8).isMultiple(of: Self.digestByteCount),
            let number = all.span.littleEndian(UInt64.self, at: 0)
        else { throw ProtocolViolation(.malformed(.digests, "\(all.count) bytes")) }
        self.init(number: number, bytes: Array(all.dropFirst(8)))
    }
}
