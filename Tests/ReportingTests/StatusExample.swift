import FerryCore
import FoundationEssentials
import Reporting

/// Statuses for tests, at a moment that does not move.
enum StatusExample {
    static let now = Date(timeIntervalSince1970: 1_795_262_400)

    /// A sender with one image of each kind that the table tells apart.
    static var sender: AgentStatus {
        var status = empty(.sender)
        status.warnings = ["certs/sender.pem ends in 9 days"]
        status.certificates = [
            CertificateStatus(file: "certs/sender.pem", expiresAt: now + 9 * 86_400),
            CertificateStatus(file: "certs/ca.pem", expiresAt: now + 900 * 86_400),
        ]
        status.connectionCount = 1
        status.refusedConnectionCount = 2
        status.limits = limits
        status.images = [inSync, syncing, stopped, ImageStatus(image: "vm-4", peer: "b")]
        return status
    }

    static let limits = LimitsStatus(
        total: LimitStatus(
            limitBytesPerSecond: 20 << 20, bytesPerSecond: 20_447_232, passedBytes: 1 << 30, nextChangeAt: now + 10_920),
        reads: LimitStatus(limitBytesPerSecond: nil, bytesPerSecond: 52_428_800, passedBytes: 3 << 30),
        peers: [LimitStatus(peer: "b", limitBytesPerSecond: 1 << 20, bytesPerSecond: 0, passedBytes: 1 << 30)])

    static func empty(_ role: AgentStatus.Role) -> AgentStatus {
        AgentStatus(
            role: role, site: "a", version: "0.4.0", configuration: "/etc/rbd-ferry/\(role.rawValue).yaml",
            startedAt: now - 93_784, now: now)
    }

    /// A receiver with a client that has a whole quota, one that has a bound of its own only, and one without any.
    static var receiver: AgentStatus {
        var status = empty(.receiver)
        var first = ClientStatus(name: "sender.site-a")
        (first.connectionCount, first.connectionCountMax) = (2, 2)
        (first.imageCount, first.imageCountMax) = (17, 20)
        (first.bytes, first.bytesMax) = (19 << 40, 20 << 40)
        var second = ClientStatus(name: "sender.site-c")
        (second.imageCount, second.imageCountMax) = (9, 10)
        var third = ClientStatus(name: "sender.site-d")
        (third.connectionCount, third.imageCount, third.bytes) = (1, 3, 4096)
        status.note([first, second, third])
        return status
    }

    static var inSync: ImageStatus {
        var image = ImageStatus(image: "vm-1", peer: "b", state: .inSync)
        image.lastPublished = PublishedState(
            snapshot: "ferry-20261121T115548Z", takenAt: now - 252, publishedAt: now - 240)
        image.lagSeconds = 252
        image.intervalSeconds = 900
        image.nextRunAt = now + 648
        image.baseAgeSeconds = 252
        let full = ProofStatus(
            snapshot: "ferry-20261119T120000Z", mirrorSnapshot: "ferry-20261119T120000Z", at: now - 176_000,
            scope: "full", imageBytes: 8 << 30, comparedBytes: 8 << 30, differingBytes: 0)
        let changed = ProofStatus(
            snapshot: "ferry-20261121T115548Z", mirrorSnapshot: "ferry-20261121T115548Z", at: now - 230,
            scope: "changed", imageBytes: 8 << 30, comparedBytes: 2 << 30, differingBytes: 0)
        image.note(ProofStanding(last: changed, lastFull: full))
        image.isProofLate = false
        let stages = times([.read: 1.5])
        image.lastTransfer = TransferTiming(stages, duration: .seconds(2))
        image.totals.add(stages)
        image.totals.readBytes = 3 << 30
        image.totals.contentBytes = 3 << 30
        image.totals.wireBytes = 1 << 30
        image.totals.succeededRuns = 7
        image.totals.publishedSnapshots = 7
        image.totals.removedSnapshots = 3
        return image
    }

    static var syncing: ImageStatus {
        var image = ImageStatus(image: "vm-2", peer: "b", state: .syncing)
        image.phase = "sending"
        image.lagSeconds = 1862
        image.intervalSeconds = 900
        image.isLate = true
        image.nextRunAt = now
        image.progress = TransferProgress(
            doneBytes: 5 << 30, wireBytes: 2 << 30, fraction: 0.42, bytesPerSecond: 120.4 * 1_048_576, secondsLeft: 182)
        image.totals.savedByResumeBytes = 4096
        image.warnings = ["the base is held for 16d, of 30d at most"]
        return image
    }

    static var stopped: ImageStatus {
        var image = ImageStatus(image: "vm-3", peer: "b", state: .stopped)
        image.lastError = ImageError(
            cause: "the mirror holds data that rbd-ferry did not write", remedy: "roll the mirror back, or remove it",
            disposition: "refused", at: now - 725, failureCount: 3)
        image.failingSeconds = 2400
        image.totals.failedRuns = 3
        return image
    }

    /// An image that is synced well and whose mirror differs all the same.
    static var alarmed: ImageStatus {
        var image = inSync
        let proof = ProofStatus(
            snapshot: "s", mirrorSnapshot: "s", at: now - 60, scope: "full", imageBytes: 8 << 30,
            comparedBytes: 8 << 30, differingBytes: 131_072)
        let extents = [Extent(offset: 1 << 20, byteCount: 65_536), Extent(offset: 1 << 30, byteCount: 65_536)]
        image.note(
            ProofStanding(
                last: proof, lastFull: proof,
                alarm: ProofAlarmStatus(
                    since: now - 3660, snapshot: "s", mirrorSnapshot: "s", differingBytes: 131_072,
                    differing: extents.map { .init($0) })))
        image.isProofLate = true
        return image
    }
}

/// The times of a transfer, in seconds.
func times(_ seconds: [TransferStage: Double]) -> StageTimes {
    var times = StageTimes()
    for (stage, value) in seconds { times.add(.seconds(value), to: stage) }
    return times
}
