import ImageStore

/// A lease on an image: a RADOS lock on its header object, which goes with the image. Keeps the connection up until it is
/// dropped.
final class CephLease: ImageLease {
    private let lock: RadosLock
    private let duration: Duration
    private let subject: String

    private init(_ lock: RadosLock, for duration: Duration, subject: String) {
        self.lock = lock
        self.duration = duration
        self.subject = subject
    }

    /// Takes the lease on an image, or renews it. Blocks.
    static func take(
        _ terms: LeaseTerms, on image: CephImage
    ) throws(CephError) -> Result<CephLease, StoreError> {
        let lock = try RadosLock(
            image.pool, object: "rbd_header.\(image.identity.image)", name: "rbd-ferry.sender", cookie: terms.holder)
        guard try lock.take(for: terms.duration) else {
            return .failure(.leaseIsTaken(by: try lock.holder(), image.subject))
        }
        return .success(CephLease(lock, for: terms.duration, subject: image.subject))
    }

    func renew() async throws(StoreError) {
        let evidence: String?
        do throws(CephError) {
            evidence = try await CephThreads.leases.run { [lock, duration] () throws(CephError) in
                if try lock.renew(for: duration) { return nil }
                return try lock.holder().map { "it is no longer ours: \($0.printable) has it" } ?? "it ran out"
            }
        } catch {
            throw error.about("renew the lease on", subject)
        }
        if let evidence { throw .leaseIsLost(evidence, subject) }
    }

    func release() async {
        // When this fails the lock runs out by itself.
        await CephThreads.leases.run { [lock] in try? lock.release() }
    }
}
