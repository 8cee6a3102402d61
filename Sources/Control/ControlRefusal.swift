import FerryCore

/// Why an agent did not do what it was asked, as its server says it.
struct ControlRefusal: Error, Codable, Hashable {
    /// What happened.
    var error: String
    /// What to do about it.
    var remedy: String
    /// What can be done about it.
    var disposition: Disposition

    init(_ error: String, remedy: String, _ disposition: Disposition) {
        self.error = error
        self.remedy = remedy
        self.disposition = disposition
    }

    init(_ error: any Error) {
        switch error {
        case let refusal as ControlRefusal: self = refusal
        case let failure as any Failure: self.init(failure.cause, remedy: failure.remedy, failure.disposition)
        case is CancellationError: self.init("the agent stops", remedy: "ask again when it runs", .temporary)
        default: self.init(error.oneLine, remedy: "the agent's log may tell more", .permanent)
        }
    }
}
