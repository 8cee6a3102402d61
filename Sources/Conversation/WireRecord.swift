public import FerryCore

/// One record as it crosses the wire: a tag and what follows its length.
public struct WireRecord: Equatable, Sendable {
    /// Which record.
    public let tag: WireTag
    /// What follows the length field.
    public let payload: BufferSlice

    /// A record from its parts.
    public init(tag: WireTag, payload: BufferSlice) {
        self.tag = tag
        self.payload = payload
    }

    /// A record whose payload is a copy of these bytes.
    public init(tag: WireTag, payload: [UInt8]) {
        self.init(tag: tag, payload: BufferSlice(DataBuffer(payload)))
    }

    /// Bytes of tag and length field.
    public static let headerByteCount = 9

    /// The record's bytes: tag, little-endian 64-bit length, payload.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headerByteCount + payload.byteCount)
        bytes.append(tag.rawValue)
        bytes.append(littleEndian: UInt64(payload.byteCount))
        bytes.append(contentsOf: payload.bytes)
        return bytes
    }
}
