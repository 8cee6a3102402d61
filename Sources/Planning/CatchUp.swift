/// What is sent after an outage.
public enum CatchUp: String, Sendable, CaseIterable {
    /// The newest state only.
    case newest
    /// Then also those snapshots in between that a retention rule for hours, days, weeks or months wants.
    case retention
}
