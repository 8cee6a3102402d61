/// The keys under which our state is kept with images.
public enum ImageStateKey {
    /// What all of them begin with.
    public static let prefix = "rbd-ferry."
    /// With a mirror: `MirrorRecord`.
    public static let mirror = prefix + "mirror"
    /// With a mirror: `Checkpoint`.
    public static let checkpoint = prefix + "checkpoint"
    /// With an image that a stream is imported to: what it was before.
    public static let importing = prefix + "import"
    /// With a mirror: `ProofRecord`.
    public static let proof = prefix + "proof"
    /// With a source: `ProofRecord` about one peer.
    public static func proof(_ peer: String) -> String { proofPrefix + peer }
    private static let proofPrefix = proof + "."
    /// With a source: `SenderRecord` about one peer.
    public static func peer(_ name: String) -> String { peerPrefix + name }
    private static let peerPrefix = prefix + "peer."

    /// The peer that a key is about; nil for other keys.
    public static func peerName(of key: String) -> String? {
        key.hasPrefix(peerPrefix) ? String(key.dropFirst(peerPrefix.count)) : nil
    }

    /// Whether a key is about proofs of a mirror at a peer.
    public static func isProofOfPeer(_ key: String) -> Bool { key.hasPrefix(proofPrefix) }
}
