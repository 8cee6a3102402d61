public import FoundationEssentials
public import ImageStore
import Planning

extension SourceImage {
    /// Notes with the image how a run ended that was to bring a peer up to date: its base is held in vain from the first on
    /// that failed, until one does not. Stores only what is news. Call it with the image's lease held. Returns since when
    /// runs fail; nil when they don't, or nothing is held for the peer.
    public func noteRunEnd(to peer: String, failed: Bool, now: Date) async throws -> Date? {
        let key = ImageStateKey.peer(peer)
        guard var record = try await state(SenderRecord.self, key) else { return nil }
        let isNews = failed ? record.noteFailure(now: now) : record.noteSuccess()
        if isNews { try await setState(record, key) }
        return record.failingSince
    }
}
