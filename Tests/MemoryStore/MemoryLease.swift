import FoundationEssentials
import ImageStore

/// A lease on an image in memory; it runs out by the store's clock.
final class MemoryLease: ImageLease {
    private let terms: LeaseTerms
    private let image: MemoryImage

    init(_ terms: LeaseTerms, on image: MemoryImage) {
        self.terms = terms
        self.image = image
    }

    func renew() async throws(StoreError) {
        let now = image.store.now
        try await image.perform(.renewLease, "renew the lease on") { [terms, image] state throws(StoreError) in
            let present = state.lease.flatMap { $0.until > now ? $0 : nil }
            guard present?.holder == terms.holder else {
                throw StoreError.leaseIsLost(present.map { "\($0.holder) has it" } ?? "it ran out", image.subject)
            }
            state.lease = MemoryLeaseState(holder: terms.holder, until: now.adding(terms.duration))
        }
    }

    func release() async {
        // An image that is gone has no lease.
        try? image.withState("release the lease on") { [terms] state in
            if state.lease?.holder == terms.holder { state.lease = nil }
        }
    }
}

extension Date {
    /// This much later.
    func adding(_ duration: Duration) -> Date {
        addingTimeInterval(duration / .seconds(1))
    }
}
