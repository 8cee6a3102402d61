import FerryCore

/// How a block's content travels.
public enum BlockCoding: UInt8, Sendable {
    /// As it is.
    case plain = 0
    /// One zstd frame.
    case zstd = 1
}

/// What stands before a block's content: coding (1 byte), content length (4 bytes, little-endian), and the
/// content's digest (16 bytes).
public struct BlockHeader: Equatable, Sendable {
    /// How the content travels.
    public let coding: BlockCoding
    /// Bytes of content, once inflated.
    public let contentByteCount: Int
    /// AES-128-GMAC of the content, inflated; WIRE.md has the key.
    public let digest: [UInt8]

    /// Bytes of the encoded header.
    public static let byteCount = 21
    /// Bytes of a digest.
    public static let digestByteCount = 16

    /// A header from its parts.
    public init(coding: BlockCoding, contentByteCount: Int, digest: [UInt8]) {
        precondition(digest.count == Self.digestByteCount, "a digest has 16 bytes")
        self.coding = coding
        self.contentByteCount = contentByteCount
        self.digest = digest
    }

    /// The header's bytes.
    public var encoded: [UInt8] {
        var bytes = [coding.rawValue]
        bytes.append(littleEndian: UInt32(contentByteCount))
        bytes.append(contentsOf: digest)
        return bytes
    }

    /// Reads the header at the front of a block's payload, and checks the stated length against the limit.
    public init(payload: Span<UInt8>) throws(ProtocolViolation) {
        guard payload.count > Self.byteCount, let length = payload.littleEndian(UInt32.self, at: 1) else {
            throw ProtocolViolation(.malformed(.block, "\(payload.count) bytes are too short"))
        }
        guard let coding = BlockCoding(rawValue: payload[0]) else {
            throw ProtocolViolation(.malformed(.block, "unknown coding \(payload[0])"))
        }
        guard length > 0, length <= UInt32(Limits.blockContentByteCountMax) else {
            throw ProtocolViolation(
                .contradiction(
                    "block content", expected: "1 to \(Limits.blockContentByteCountMax) bytes", found: "\(length)"))
        }
        guard coding == .zstd || Int(length) == payload.count - Self.byteCount else {
            throw ProtocolViolation(
                .contradiction(
                    "plain block content", expected: "\(payload.count - Self.byteCount) bytes", found: "\(length)"))
        }
        self.init(
            coding: coding, contentByteCount: Int(length), digest: (5..<Self.byteCount).map { payload[$0] })
    }
}
