/// What is sent after a time in which nothing could be.
public enum CatchUp: String, Hashable, Sendable, CaseIterable {
    /// The newest state only.
    case newest
    /// Before it, those in between that retention wants for more than being new.
    case retention
}
