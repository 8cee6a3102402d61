import FerryCore

/// Snapshots that stayed protected, or stayed at all, though they were only held to be read.
public struct LeftBehind: Hashable, Sendable {
    /// The image.
    public let image: String
    /// Their names.
    public internal(set) var snapshots: [String]
    /// Why.
    public internal(set) var cause: String

    /// What stayed, and what to do, on one line.
    public var text: String {
        "\(snapshots.joined(separator: ", ").printable) of \(image) could not be let go of (\(cause)): unprotect what "
            + "is protected, and remove what begins with \(HeldSource.temporaryPrefix)"
    }
}
