public import FerryCore

/// What went wrong in a store, with the evidence at hand.
public struct StoreError: Failure, Equatable {
    /// What kind of trouble it is; decides disposition and remedy.
    public enum Reason: String, Sendable {
        /// No such image, snapshot, pool or folder.
        case notFound
        /// The name is taken.
        case alreadyExists
        /// Someone else holds the image.
        case locked
        /// The store's user lacks a right.
        case notPermitted
        /// The store has no room.
        case noSpace
        /// The store did not answer, or lost us (timeout, blocklist, shutdown).
        case unavailable
        /// The image or the store can't do this (a missing feature, a bad name).
        case unsupported
        /// What the store holds contradicts itself, or what it did is not what was asked.
        case inconsistent
        /// A user of the image did not hold still for a snapshot.
        case notQuiesced
        /// Any other failure of the store.
        case failed
    }

    /// What kind of trouble it is.
    public let reason: Reason
    /// What was being done, as a verb phrase: `create snapshot`.
    public let operation: String
    /// What it was done to: `rbd/vm-1@daily`, a path.
    public let subject: String
    /// Evidence: an error number in words, expected and found.
    public let detail: String
    private let remedyOverride: String?

    /// An error about `operation` on `subject`.
    public init(
        _ reason: Reason, _ operation: String, _ subject: String, detail: String = "", remedy: String? = nil
    ) {
        self.reason = reason
        self.operation = operation
        self.subject = subject
        self.detail = detail
        remedyOverride = remedy
    }

    /// What can be done about it.
    public var disposition: Disposition {
        switch reason {
        case .locked: .locked
        case .notPermitted: .unauthorized
        case .noSpace, .unavailable, .notQuiesced: .temporary
        case .notFound, .alreadyExists, .unsupported, .inconsistent, .failed: .permanent
        }
    }

    /// What happened.
    public var cause: String {
        "can't \(operation) \(subject)" + (detail.isEmpty ? "" : ": \(detail)")
    }

    /// What the user can do.
    public var remedy: String {
        if let remedyOverride { return remedyOverride }
        switch reason {
        case .notFound: return "check the name, and that it exists in this store"
        case .alreadyExists: return "choose another name, or remove what holds it"
        case .locked: return "wait for the other holder to finish, or stop it"
        case .notPermitted: return "grant the store's user what README lists under permissions"
        case .noSpace: return "make room in the store, then run again; the transfer goes on where it stopped"
        case .unavailable: return "check the store's health, then run again; the transfer goes on where it stopped"
        case .unsupported: return "see README for what images need"
        case .notQuiesced: return "see why its quiesce hook fails, or allow snapshots without it (best-effort, skip)"
        case .inconsistent, .failed: return "check the store's health and its own log"
        }
    }
}
