import FerryCore

/// What was sent, or taken in, of a transfer on this connection, block by block. Both sides keep one.
public struct RunningTotals: Equatable, Sendable {
    /// Blocks so far.
    public private(set) var blockCount: UInt64 = 0
    /// Standard records in them.
    public private(set) var recordCount: UInt64 = 0
    /// Bytes of block content.
    public private(set) var contentByteCount: UInt64 = 0
    private var chain = [UInt8](repeating: 0, count: Self.chainByteCount)

    /// Bytes of the chain, a SHA-256 digest.
    private static let chainByteCount = 32

    /// Nothing yet.
    public init() {}

    /// Adds a block. `hash` is SHA-256; the digest is a chain: hash(digest so far + block's digest).
    public mutating func add(
        recordCount records: UInt64, contentByteCount bytes: Int, blockDigest: [UInt8], hash: ([UInt8]) -> [UInt8]
    ) {
        blockCount += 1
        recordCount += records
        contentByteCount += UInt64(bytes)
        chain = hash(chain + blockDigest)
    }

    /// The record that says so to the peer.
    public var totals: Totals {
        Totals(
            blockCount: blockCount, recordCount: recordCount, contentByteCount: contentByteCount,
            digest: chain.hexadecimal)
    }

    /// Throws when the peer counted otherwise.
    public func check(_ peer: Totals) throws(ProtocolViolation) {
        let ours = totals
        guard peer.blockCount == ours.blockCount else {
            throw mismatch("blocks", peer.blockCount, ours.blockCount)
        }
        guard peer.recordCount == ours.recordCount else {
            throw mismatch("records", peer.recordCount, ours.recordCount)
        }
        guard peer.contentByteCount == ours.contentByteCount else {
            throw mismatch("content bytes", peer.contentByteCount, ours.contentByteCount)
        }
        guard peer.digest == ours.digest else {
            throw ProtocolViolation(.contradiction("digest", expected: peer.digest.printable, found: ours.digest))
        }
    }

    private func mismatch(_ what: String, _ expected: UInt64, _ found: UInt64) -> ProtocolViolation {
        ProtocolViolation(.contradiction("totals of \(what)", expected: "\(expected)", found: "\(found)"))
    }
}

extension [UInt8] {
    /// Two lower-case hexadecimal digits a byte.
    public var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(count * 2)
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
