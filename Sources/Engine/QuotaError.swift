public import FerryCore
import Planning

/// A client asks for more than it may have at this receiver.
public enum QuotaError: Failure, Equatable {
    /// One connection more would be too many of this client's.
    case tooManyConnections(client: String, limit: Int)
    /// The receiver has no room for any further connection.
    case receiverFull(limit: Int)
    /// With the offered image it would have `count` mirrors.
    case tooManyImages(client: String, count: Int, limit: Int)
    /// With the offered size its mirrors would have `byteCount` bytes together.
    case tooManyBytes(client: String, byteCount: UInt64, limit: UInt64)

    /// `temporary` for connections, which end by themselves; `refused` for what someone has to decide.
    public var disposition: Disposition {
        switch self {
        case .tooManyConnections, .receiverFull: .temporary
        case .tooManyImages, .tooManyBytes: .refused
        }
    }

    /// What there would be too much of.
    public var cause: String {
        switch self {
        case .tooManyConnections(let client, let limit):
            "client \(client) has as many connections to the receiver as it may have, \(limit)"
        case .receiverFull(let limit): "the receiver serves as many connections as it may, \(limit)"
        case .tooManyImages(let client, let count, let limit):
            "this would be mirror number \(count) of client \(client), which may have \(limit) at the receiver"
        case .tooManyBytes(let client, let byteCount, let limit):
            "with this image the mirrors of client \(client) would have \(byteCount) bytes (\(Self.rounded(byteCount))), "
                + "and may have \(ByteSize(byteCount: limit))"
        }
    }

    /// Who can do what about it.
    public var remedy: String {
        switch self {
        case .tooManyConnections:
            "run again later; or lower parallel at the sender, or raise connections-max of the client at the receiver"
        case .receiverFull: "run again later; or raise connections-max at the receiver"
        case .tooManyImages:
            "remove mirrors that are not needed, or raise images-max of the client in the receiver's configuration"
        case .tooManyBytes:
            "remove mirrors that are not needed, or raise bytes-max of the client in the receiver's configuration"
        }
    }

    private static func rounded(_ byteCount: UInt64) -> String {
        let tebibytes = Double(byteCount) / Double(1 << 40)
        return tebibytes >= 1
            ? "\((tebibytes * 10).rounded(.up) / 10) TiB" : "\((tebibytes * 10240).rounded(.up) / 10) GiB"
    }
}
