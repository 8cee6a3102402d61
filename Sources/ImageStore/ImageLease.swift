import FerryCore

/// The right to work on an image, as `SourceImage.lease` gives it: one holder has it at a time.
///
/// It guards nothing by itself; who works on an image takes it first. It belongs to the store, not to the handle that it
/// was taken through, and outlives that. One that is dropped without `release` is let go at once or runs out.
public protocol ImageLease: Sendable {
    /// Begins its duration anew. Throws `.locked` when it is lost: it ran out, whether another has it now or nobody, or
    /// it was released. It is not taken again then, because others may have worked on the image since.
    func renew() async throws(StoreError)

    /// Lets go of it. When the store can't be told, it runs out by itself.
    func release() async
}

/// Who wants a lease, and for how long. All stores take the same terms.
public struct LeaseTerms: Hashable, Sendable {
    /// Who has it, for people to read, and for the store to tell holders apart.
    public let holder: String
    /// How long it lasts unless it is renewed.
    public let duration: Duration

    /// What a duration can be.
    public static let durations = Duration.milliseconds(10)...Duration.seconds(86_400)

    /// Terms for a lease on `subject`. Throws `.unsupported` for a holder that is empty, has a zero byte in it or more
    /// than `Limits.nameByteCountMax` bytes, and for a duration out of range.
    public init(holder: String, duration: Duration, subject: String) throws(StoreError) {
        guard !holder.isEmpty, holder.utf8.count <= Limits.nameByteCountMax, !holder.utf8.contains(0) else {
            throw StoreError(
                .unsupported, Self.operation, subject, detail: "the holder's name has \(holder.utf8.count) bytes")
        }
        guard Self.durations.contains(duration) else {
            throw StoreError(
                .unsupported, Self.operation, subject, detail: "\(duration) is not from 10 milliseconds to a day")
        }
        self.holder = holder
        self.duration = duration
    }

    /// What taking a lease is called in messages.
    public static let operation = "take the lease on"
}

extension StoreError {
    /// A lease that `holder` has; nil: someone who had let go before we could ask who it was.
    public static func leaseIsTaken(by holder: String?, _ subject: String) -> StoreError {
        StoreError(
            .locked, LeaseTerms.operation, subject,
            detail: holder.map { "\($0.printable) has it" } ?? "someone else had it just now",
            remedy: "wait for that holder to finish; the lease of one that died runs out by itself")
    }

    /// A lease that its holder no longer has. `evidence` says how that is known.
    public static func leaseIsLost(_ evidence: String, _ subject: String) -> StoreError {
        StoreError(
            .locked, "renew the lease on", subject, detail: evidence,
            remedy: "take it anew; what was under way may have been done by another")
    }
}
