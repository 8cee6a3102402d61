public import FerryCore

/// All faults of a configuration file.
public struct ConfigurationFaults: Failure, Equatable {
    /// In the order of their lines; at least one.
    public let faults: [ConfigurationError]

    /// From a list with at least one fault.
    public init(_ faults: [ConfigurationError]) {
        precondition(!faults.isEmpty, "an error has a cause")
        self.faults = faults
    }

    /// The configuration must change.
    public var disposition: Disposition { .usage }
    /// The first fault, and how many there are.
    public var cause: String {
        faults.count == 1 ? faults[0].cause : "\(faults[0].cause) (and \(faults.count - 1) more)"
    }
    /// What to do about the first one.
    public var remedy: String { faults[0].remedy }
    /// Every fault on two lines.
    public var description: String { faults.map(\.description).joined(separator: "\n") }
}
