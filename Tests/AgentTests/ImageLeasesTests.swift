import FerryCore
import Foundation
import ImageStore
import MemoryStore
import Synchronization
import Testing

@testable import Agent

/// Counts what goes on.
private final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }

    /// Counts one up or down; how many there are then.
    @discardableResult
    func add(_ number: Int) -> Int { count.wrappingAdd(number, ordering: .relaxed).newValue }
}

@Suite("Leases of the images that an agent works on", .timeLimit(.minutes(1)))
struct ImageLeasesTests {
    private let store = MemoryStore()
    private let leases = ImageLeases(holder: "one", duration: .seconds(4))

    init() {
        store.addImage("vm", contents: [1, 2, 3])
        // However slow this machine is, no lease runs out unless a test puts the clock forward.
        store.setClock { Date(timeIntervalSince1970: 1_800_000_000) }
    }

    /// Runs `body` with the image leased.
    private func hold<Result: Sendable>(
        _ body: @escaping @Sendable (ImageLeases.Desk) async throws -> Result
    ) async throws -> Result {
        let image = try await store.openSource("vm")
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await leases.hold(image, body))
        } catch {
            result = .failure(error)
        }
        await image.close()
        return try result.get()
    }

    /// Whether another agent could take the image; it lets go of it at once.
    private func isFree() async throws -> Bool {
        let image = try await store.openSource("vm")
        do {
            await (try await image.lease(holder: "anyone", duration: .seconds(60))).release()
        } catch {
            guard error.reason == .locked else { throw error }
            await image.close()
            return false
        }
        await image.close()
        return true
    }

    @Test("a lease is renewed while work goes on, and is given back with the last run that needs it")
    func kept() async throws {
        let (gate, opener) = AsyncStream<Void>.makeStream()
        async let second: Void = hold { _ in
            for await _ in gate { return }
        }
        let renewals = Counter()
        store.setFaults { operation, _ throws(StoreError) in
            if operation == .renewLease { renewals.add(1) }
        }
        try await hold { _ in
            while renewals.value < 3 { try await Task.sleep(for: .milliseconds(10)) }
        }
        #expect(try await !isFree(), "the other run goes on")
        opener.yield()
        try await second
        #expect(try await isFree())
    }

    @Test("what another agent holds is not worked on, and that is told in its own words")
    func elsewhere() async throws {
        let image = try await store.openSource("vm")
        let lease = try await image.lease(holder: "other", duration: .seconds(60))
        let error = await #expect(throws: LeaseHeldElsewhere.self) { try await hold { _ in } }
        #expect(error?.disposition == .locked)
        #expect(error?.cause.contains("other has it") == true)
        await lease.release()
        try await hold { _ in }
        await image.close()
    }

    @Test("a lease that a process of this host left behind is waited for, until it runs out")
    func leftBehind() async throws {
        let image = try await store.openSource("vm")
        let host = ProcessInfo.processInfo.hostName
        _ = try await image.lease(holder: "\(host):\(Int32.max):x", duration: .seconds(60))
        let refusals = Counter()
        store.setFaults { [store] operation, _ throws(StoreError) in
            if operation == .lease, refusals.add(1) == 2 { store.advanceClock(by: .seconds(61)) }
        }
        try await hold { _ in }
        #expect(refusals.value >= 2)
        await image.close()
    }

    @Test("a lease that is lost ends the work")
    func lost() async throws {
        let cancellations = Counter()
        let image = try await store.openSource("vm")
        let error = await #expect(throws: StoreError.self) {
            try await hold { [store] _ in
                store.advanceClock(by: .seconds(60))
                _ = try await image.lease(holder: "other", duration: .seconds(3600))
                do {
                    try await Task.sleep(for: .seconds(3600))
                } catch {
                    cancellations.add(1)
                    throw error
                }
            }
        }
        #expect(error?.reason == .locked)
        #expect(cancellations.value == 1)
        #expect(try await !isFree(), "the other one's lease is not given back")
        await image.close()
    }

    @Test("a store that is silent for as long as the lease lasts ends the work")
    func unavailable() async throws {
        store.setFaults { operation, _ throws(StoreError) in
            guard operation == .renewLease else { return }
            throw StoreError(.unavailable, "renew the lease on", "vm")
        }
        let error = await #expect(throws: StoreError.self) {
            try await hold { _ in try await Task.sleep(for: .seconds(3600)) }
        }
        #expect(error?.reason == .unavailable)
    }

    @Test("work that fails gives the lease back")
    func failed() async throws {
        struct Trouble: Error {}
        await #expect(throws: Trouble.self) { try await hold { _ in throw Trouble() } }
        #expect(try await isFree())
    }

    @Test("of the runs of one image, one at a time decides about snapshots")
    func exclusive() async throws {
        let inside = Counter()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 1...8 {
                group.addTask { [self] in
                    try await hold { desk in
                        try await desk.exclusively {
                            let count = inside.add(1)
                            await Task.yield()
                            inside.add(-1)
                            return count
                        }
                    }
                }
            }
            for try await count in group { #expect(count == 1) }
        }
        #expect(try await isFree())
    }
}
