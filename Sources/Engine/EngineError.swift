public import FerryCore

/// What can go wrong between two agents besides their stores and their connection.
public enum EngineError: Failure, Equatable {
    /// A phase took longer than its limit.
    case deadline(phase: String, seconds: Int64)
    /// The peer said nothing for too long, though alive peers do.
    case peerSilent(seconds: Int64)
    /// Nothing became durable on the mirror, or could be read from the source, for too long.
    case stalled(what: String, seconds: Int64)
    /// The connection ended in the middle of a conversation.
    case connectionCut
    /// The target or the base was deleted while the delta was read.
    case snapshotGone(SnapshotIdentity, image: String)
    /// The state that is kept with an image can't be read.
    case damagedState(image: String, key: String)
    /// This client may not write this image.
    case forbiddenImage(String, identities: [String])
    /// The receiver has no such pool for this image's mirror.
    case unknownPlace(String, image: String, known: [String])
    /// This certificate is not in the list of clients.
    case unknownClient(identities: [String])
    /// Another transfer of the same image runs.
    case imageBusy(String)
    /// A block's content is not what its digest says.
    case damagedBlock(number: UInt64)
    /// The receiver's release does not know what it is asked for.
    case peerTooOld
    /// Someone resized the mirror during the transfer.
    case resizedMeanwhile(expected: UInt64, found: UInt64)

    /// What can be done about it.
    public var disposition: Disposition {
        switch self {
        case .deadline, .peerSilent, .stalled, .connectionCut, .snapshotGone, .damagedBlock,
            .resizedMeanwhile:
            .temporary
        case .damagedState, .peerTooOld: .permanent
        case .unknownPlace: .permanent
        case .forbiddenImage, .unknownClient: .unauthorized
        case .imageBusy: .locked
        }
    }

    /// What happened.
    public var cause: String {
        switch self {
        case .deadline(let phase, let seconds): "\(phase) took longer than \(seconds) s"
        case .peerSilent(let seconds): "the peer said nothing for \(seconds) s"
        case .stalled(let what, let seconds): "\(what) for \(seconds) s"
        case .connectionCut: "the connection ended in the middle of a transfer"
        case .snapshotGone(let snapshot, let image):
            "snapshot \(snapshot) of \(image) was deleted while it was sent; nothing was published"
        case .damagedState(let image, let key): "the state kept with \(image) under \(key) can't be read"
        case .forbiddenImage(let image, let identities):
            "the receiver does not let \(identities.joined(separator: ", ")) write image \(image)"
        case .unknownPlace(let place, let image, let known):
            "the receiver has no pool \(place.isEmpty ? "(none)" : place.printable) for image \(image.printable), it has "
                + known.joined(separator: ", ")
        case .unknownClient(let identities):
            "the receiver has no client named \(identities.isEmpty ? "(none)" : identities.joined(separator: ", "))"
        case .imageBusy(let image): "another transfer of \(image) is under way"
        case .resizedMeanwhile(let expected, let found):
            "the mirror was resized during the transfer: expected \(expected) bytes, found \(found)"
        case .peerTooOld: "the receiver's release knows nothing of digests, which comparing, proving and repairing need"
        case .damagedBlock(let number): "block \(number) does not match its digest"
        }
    }

    /// What the user can do.
    public var remedy: String {
        switch self {
        case .deadline, .peerSilent, .connectionCut, .damagedBlock:
            "run again; the transfer goes on where it stopped"
        case .resizedMeanwhile: "find out who resizes the mirror, then run again; the delta is sent anew"
        case .stalled: "check the health of both clusters, then run again; the transfer goes on where it stopped"
        case .snapshotGone: "run again; a new snapshot is taken"
        case .damagedState: "remove that key from the image's metadata if you know how it came there"
        case .forbiddenImage: "add a pattern that matches it to this client's images in the receiver's configuration"
        case .unknownPlace: "add it to the receiver's pools, or give the client a pool in the receiver's configuration"
        case .unknownClient: "add one of the certificate's names to clients in the receiver's configuration"
        case .peerTooOld: "upgrade the receiver"
        case .imageBusy: "wait for it to finish, or stop it"
        }
    }
}
