/// What happens to the image's users while a snapshot is made: librbd can ask them to write out and hold still.
public enum QuiescePolicy: String, Sendable, Codable, CaseIterable {
    /// They must; otherwise there is no snapshot.
    case required
    /// They are asked; when they fail, the snapshot is made all the same.
    case bestEffort = "best-effort"
    /// They are not asked.
    case skip
}
