import DiffStream
import FerryCore
import Foundation
import ImageStore
import MemoryStore
import Testing

@testable import StreamFiles

@Suite("An import that fails", .timeLimit(.minutes(2)))
struct ImportFaultTests {
    private let folder: StreamFolder

    init() throws { folder = try StreamFolder() }

    /// Imports with faults, until the plan for some number is never reached. `check` gets the store without faults,
    /// what the image was before, and why the import failed.
    private func sweep(
        _ scenario: ImportScenario, _ medium: Medium = .file,
        _ plan: @escaping @Sendable (_ point: Int, _ number: Int) -> Bool,
        _ check: (MemoryStore, ImageState?, any Error, Comment) async throws -> Void
    ) async throws {
        for point in 0..<200 {
            let store = MemoryStore()
            try await scenario.prepare(store)
            let before = try await store.state()
            let faults = FaultPlan { plan(point, $0) }
            store.setFaults(faults.step)
            let input = try await medium.open(scenario.stream, folder)
            let error = await failure { try await importing(input, into: store) }
            store.setFaults(nil)
            guard let first = faults.failed.first else {
                #expect(error == nil && point > 6, "\(scenario.kind): the sweep found \(point) points")
                return
            }
            let comment: Comment = "\(scenario.kind), operation \(point): \(first)"
            #expect(store.openHandleCount(of: "vm") == 0, comment)
            let found = try #require(error, comment)
            try await check(store, before, found, comment)
        }
        Issue.record("\(scenario.kind): the sweep has no end")
    }

    @Test(
        "at any operation of the store leaves the image as it was", arguments: ImportScenario.all, Medium.allCases)
    func everyOperation(scenario: ImportScenario, medium: Medium) async throws {
        try await sweep(scenario, medium) {
            $0 == $1
        } _: { store, before, _, comment in
            let isAsBefore = try await store.state() == before
            #expect(isAsBefore, comment)
        }
    }

    @Test("and can't be undone either is put right by the next", arguments: ImportScenario.all)
    func undoFails(scenario: ImportScenario) async throws {
        let expected = try await scenario.expected()
        for distance in 1...4 {
            try await sweep(scenario) {
                $1 == $0 || $1 == $0 + distance
            } _: { store, before, error, comment in
                if case .notUndone = error as? ImportError {
                    try await expectRecovery(scenario, store, expected, "\(comment) and \(distance) later")
                } else {
                    let isAsBefore = try await store.state() == before
                    #expect(isAsBefore, "\(comment) and \(distance) later")
                }
            }
        }
    }

    @Test("because the process or the machine is gone is put right by the next", arguments: ImportScenario.all)
    func crash(scenario: ImportScenario) async throws {
        let expected = try await scenario.expected()
        for losesPower in [false, true] {
            try await sweep(scenario) {
                $1 >= $0
            } _: { store, _, _, comment in
                if losesPower { store.losePower(of: "vm") }
                try await expectRecovery(scenario, store, expected, comment)
            }
        }
    }

    @Test("after a crash of another leaves what was there before both", arguments: ImportScenario.all)
    func failsAfterCrash(scenario: ImportScenario) async throws {
        try await sweep(scenario) {
            $1 >= $0
        } _: { store, before, _, comment in
            let made = try await store.state()
            let input = try await Medium.pipe.open(scenario.stream.dropLast(), folder)
            let error = await failure { try await importing(input, into: store, restores: true) }
            switch error as? ImportError {
            case .targetExists, .leftWithSnapshots, .notEmpty, .headChanged:
                // It was too late: what it made is left alone, but for the note that it was at work.
                let isSame = try await store.state()?.bytesOnly == made?.bytesOnly
                #expect(isSame, comment)
                let isChanged = made?.snapshots != before?.snapshots || made?.head != before?.head
                #expect(isChanged, comment)
            default:
                let after = try await store.state()
                // An image that the crashed one made stays, empty.
                let isEmpty = before == nil && after.map { ($0.head ?? []).allSatisfy { $0 == 0 } } ?? true
                let isUndone = after == before || isEmpty && after?.snapshots.isEmpty ?? true
                #expect(isUndone, comment)
                #expect(error != nil, comment)
            }
        }
    }

    /// The next import of the same stream succeeds, or sees that the one before it had already done all.
    private func expectRecovery(
        _ scenario: ImportScenario, _ store: MemoryStore, _ expected: ImageState, _ comment: Comment
    ) async throws {
        let left = try await store.state()
        var error = await failure { try await importing(scenario.stream, into: store) }
        if case .leftByImport = error as? ImportError {
            let isUntouched = try await store.state() == left
            #expect(isUntouched, "\(comment): nothing is brought back unasked")
            error = await failure { try await importing(scenario.stream, into: store, restores: true) }
        }
        let state = try await store.state()
        switch error as? ImportError {
        case nil:
            #expect(error == nil, comment)
            let isEqual = state == expected
            #expect(isEqual, "\(comment)")
        case .targetExists, .notEmpty, .headChanged:
            let isEqual = left?.bytesOnly == expected.bytesOnly && state?.bytesOnly == expected.bytesOnly
            #expect(isEqual, comment)
        case .leftWithSnapshots:
            // Its snapshots can't be told from the user's.
            #expect(left?.snapshots.isEmpty == false, comment)
        default:
            Issue.record("\(comment): \(String(describing: error))")
        }
        #expect(store.openHandleCount(of: "vm") == 0, comment)
    }

    @Test("because the stream is cut, at any byte, is undone", arguments: ImportScenario.all, Medium.allCases)
    func cut(scenario: ImportScenario, medium: Medium) async throws {
        for byteCount in 0..<scenario.stream.count {
            let store = MemoryStore()
            try await scenario.prepare(store)
            let before = try await store.state()
            let plan = FaultPlan()
            store.setFaults(plan.step)
            let input = try await medium.open(Array(scenario.stream.prefix(byteCount)), folder)
            let error = await failure { try await importing(input, into: store) }
            store.setFaults(nil)
            #expect(error is StreamDamage, "\(scenario.kind), \(byteCount) bytes")
            let isAsBefore = try await store.state() == before
            #expect(isAsBefore, "\(scenario.kind), \(byteCount) bytes")
            if medium == .file { #expect(plan.operationCount == 0, "\(scenario.kind), \(byteCount) bytes") }
        }
    }

    @Test("because bytes follow its end is undone", arguments: ImportScenario.all, Medium.allCases)
    func trailing(scenario: ImportScenario, medium: Medium) async throws {
        let store = MemoryStore()
        try await scenario.prepare(store)
        let before = try await store.state()
        let input = try await medium.open(scenario.stream + [0], folder)
        let error = await failure { try await importing(input, into: store) }
        #expect((error as? StreamDamage)?.fault.code == .afterEnd)
        let isAsBefore = try await store.state() == before
        #expect(isAsBefore)
    }

    @Test("because it is cancelled while it writes is undone", arguments: ImportScenario.all, Medium.allCases)
    func cancelledWriting(scenario: ImportScenario, medium: Medium) async throws {
        let store = MemoryStore()
        try await scenario.prepare(store)
        let before = try await store.state()
        let gate = Gate()
        store.setFaults { operation, _ in
            if operation == .apply { await gate.wait() }
        }
        let input = try await medium.open(scenario.stream, folder)
        let running = Task { try await importing(input, into: store) }
        try await until { gate.waiterCount > 0 }
        running.cancel()
        await #expect(throws: CancellationError.self) { _ = try await running.value }
        store.setFaults(nil)
        let isAsBefore = try await store.state() == before
        #expect(isAsBefore)
        #expect(store.openHandleCount(of: "vm") == 0)
    }

    @Test("because it is cancelled while the pipe is silent is undone", arguments: ImportScenario.all)
    func cancelledWaiting(scenario: ImportScenario) async throws {
        let store = MemoryStore()
        try await scenario.prepare(store)
        let before = try await store.state()
        let (readEnd, writeEnd) = makePipe()
        defer { close(writeEnd) }
        writeAll(scenario.stream.dropLast(), to: writeEnd)
        let input = try pipeInput(owning: readEnd)
        let running = Task { try await importing(input, into: store) }
        try await until { input.isWaiting }
        running.cancel()
        await #expect(throws: CancellationError.self) { _ = try await running.value }
        let isAsBefore = try await store.state() == before
        #expect(isAsBefore)
    }
}
