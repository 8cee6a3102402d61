import FerryCore

extension Error {
    /// What happened, on one line.
    var oneLine: String {
        self is CancellationError ? "interrupted" : (self as? any Failure)?.cause ?? "\(self)"
    }
}
