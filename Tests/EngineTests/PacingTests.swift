import FerryCore
import MemoryStore
import Pipeline
import Synchronization
import TestSupport
import Testing

@testable import Engine

private let mebibyte = 1 << 20

@Suite("A sync with limits", .timeLimit(.minutes(2)))
struct PacingTests {
    private func sites(byteCount: Int, _ pacing: Pacing) -> TwoSites {
        var sites = TwoSites()
        sites.pacing = pacing
        var generator = SeededGenerator(seed: 1)
        sites.source.addImage("vm", contents: generator.bytes(byteCount))
        return sites
    }

    @Test("is whole, and takes as long as the slowest limit says; all bytes that it sends and reads count")
    func paced() async throws {
        let (sending, total) = (Throttle(rate: 4 << 20), Throttle(rate: 16 << 20))
        let reading = Throttle(rate: 8 << 20)
        let sites = sites(byteCount: 4 * mebibyte, Pacing(sending: [sending, total], reading: [reading]))
        let began = ContinuousClock.now
        let steps = try await sites.sync()
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        try await sites.expectEqual()
        // The burst goes at once: a twentieth of a second.
        #expect(seconds > 0.9)
        #expect(sending.passedByteCount == steps[0].counts.sentByteCount)
        #expect(total.passedByteCount == sending.passedByteCount && reading.passedByteCount == 4 << 20)
    }

    @Test("whose reads are limited is whole, and takes its time")
    func reading() async throws {
        let reading = Throttle(rate: 4 << 20)
        let sites = sites(byteCount: 3 * mebibyte, Pacing(reading: [reading], memory: ByteBudget(limit: 2 << 20)))
        let began = ContinuousClock.now
        try await sites.sync()
        #expect(ContinuousClock.now - began > .milliseconds(650))
        try await sites.expectEqual()
    }

    @Test("is not taken for one that hangs, though a single block takes longer than any silence is borne")
    func slowBlock() async throws {
        for pacing in [
            Pacing(sending: [Throttle(rate: 256 << 10)]), Pacing(reading: [Throttle(rate: 256 << 10)]),
        ] {
            var sites = sites(byteCount: mebibyte, pacing)
            sites.limits = SessionLimits(
                keepAliveInterval: .milliseconds(300), peerSilenceMax: .seconds(2), stallMax: .seconds(2))
            try await sites.sync()
            try await sites.expectEqual()
        }
    }

    @Test("is not taken for one that hangs on a line that needs longer for a single block than any silence is borne")
    func slowLine() async throws {
        var sites = sites(byteCount: mebibyte, Pacing())
        sites.limits = SessionLimits(
            keepAliveInterval: .milliseconds(300), peerSilenceMax: .seconds(2), stallMax: .seconds(2))
        try await sites.sync(senderBytesPerSecond: 256 << 10)
        try await sites.expectEqual()
    }

    @Test("goes on faster at once when the limit is raised in the middle of a block")
    func raised() async throws {
        let sending = Throttle(rate: 64 << 10)
        let sites = sites(byteCount: 4 * mebibyte, Pacing(sending: [sending]))
        let began = ContinuousClock.now
        async let synced = sites.sync()
        while sending.waiterCount == 0 { await Task.yield() }
        sending.setRate(nil)
        _ = try await synced
        #expect(ContinuousClock.now - began < .seconds(20))
        try await sites.expectEqual()
    }

    @Test("that is cancelled in the middle of a block ends at once, and the next one goes on")
    func cancelled() async throws {
        let sending = Throttle(rate: 64 << 10)
        let sites = sites(byteCount: 2 * mebibyte, Pacing(sending: [sending]))
        let task = Task { try await sites.sync() }
        while sending.waiterCount == 0 || sending.passedByteCount < 8192 { await Task.yield() }
        let began = ContinuousClock.now
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(ContinuousClock.now - began < .seconds(5))
        sending.setRate(nil)
        _ = try await sites.syncUntilDone()
        try await sites.expectEqual()
    }

    @Test("whose connection breaks while it waits for a limit ends at once")
    func cut() async throws {
        let reading = Throttle(rate: 64 << 10)
        var sites = sites(byteCount: 4 * mebibyte, Pacing(reading: [reading], memory: ByteBudget(limit: 6 << 20)))
        sites.limits = SessionLimits(keepAliveInterval: .milliseconds(50))
        let began = ContinuousClock.now
        // Enough for the receiver's hello and answer, and some keep-alives.
        let error = await #expect(throws: (any Error).self) { try await sites.sync(receiverByteCountMax: 700) }
        // A block alone takes 16 s.
        #expect(ContinuousClock.now - began < .seconds(10))
        #expect(reading.passedByteCount > 0, "it was reading")
        #expect(!(error is CancellationError))
        reading.setRate(nil)
        _ = try await sites.syncUntilDone()
        try await sites.expectEqual()
    }

    @Test("several share a limit, and each is whole")
    func shared() async throws {
        let sending = Throttle(rate: 8 << 20)
        let all = [
            sites(byteCount: 2 * mebibyte, Pacing(sending: [sending])),
            sites(byteCount: 2 * mebibyte, Pacing(sending: [sending])),
        ]
        let began = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sites in all { group.addTask { try await sites.sync() } }
            try await group.waitForAll()
        }
        // Whatever the throttle let through, it took the time for it, but for the burst at the beginning.
        let seconds = Double(sending.passedByteCount) / Double(8 << 20)
        #expect(ContinuousClock.now - began > .seconds(seconds - 0.06))
        for sites in all { try await sites.expectEqual() }
    }
}

@Suite("What tells that a limited transfer moves")
struct PacedWatchTests {
    @Test("are the bytes that the limit lets through; who waits for memory that others hold is not at a standstill")
    func stallWatch() throws {
        var watch = StallWatch(limit: .seconds(10))
        var counts = TransferMeter.Counts(phase: .sending)
        let start = ContinuousClock.now
        for second in stride(from: 0, to: 1000, by: 9) {
            counts.pacedByteCount += 4096
            try watch.check(counts, now: start + .seconds(second))
        }
        counts.isWaitingForMemory = true
        for second in stride(from: 1000, to: 2000, by: 100) { try watch.check(counts, now: start + .seconds(second)) }
        counts.unitsHeld = 1
        try watch.check(counts, now: start + .seconds(2000))
        #expect(throws: EngineError.self) { try watch.check(counts, now: start + .seconds(2011)) }
    }
}
