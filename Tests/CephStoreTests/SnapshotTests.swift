import FerryCore
import Foundation
import ImageStore
import Testing

@Suite("Snapshots in Ceph", .enabled(if: TestCluster.isThere))
struct SnapshotTests {
    /// Lends an image of 8 MiB as a source and removes it afterwards.
    private func withSource(
        _ body: (any SourceImage, _ name: String, TestCluster) async throws -> Void
    ) async throws {
        let cluster = try TestCluster.get()
        let name = TestCluster.freshName("snapshots")
        try await cluster.rbd("create", name, "--size", "8M")
        try await cluster.withSource(name) { try await body($0, name, cluster) }
        await cluster.discard("rbd/\(name)")
    }

    /// Makes a snapshot under each policy while a watcher answers with `result`; how often it was asked for each, and
    /// the error that came.
    private func outcomes(
        answering result: Int
    ) async throws -> [QuiescePolicy: (askedCount: Int, error: StoreError?)] {
        var outcomes: [QuiescePolicy: (askedCount: Int, error: StoreError?)] = [:]
        try await withSource { source, name, cluster in
            for policy in QuiescePolicy.allCases {
                let watcher = try await QuiesceWatcher(cluster, image: name, answering: result)
                var failure: StoreError?
                do throws(StoreError) {
                    _ = try await source.createSnapshot("s-\(policy)", quiesce: policy)
                } catch {
                    failure = error
                }
                outcomes[policy] = (try watcher.askedCount(), failure)
                try await watcher.stop()
                let names = try await source.snapshots().map(\.identity.name)
                #expect(names.contains("s-\(policy)") == (failure == nil))
            }
        }
        return outcomes
    }

    @Test("a watcher that refuses to hold still prevents only snapshots that require it", arguments: [-5, -22])
    func refusal(_ result: Int) async throws {
        let outcomes = try await outcomes(answering: result)
        let error = try #require(outcomes[.required]?.error)
        #expect(error.reason == .notQuiesced && error.disposition == .temporary, "\(error)")
        #expect(error.remedy.contains("quiesce"))
        #expect(outcomes[.required]?.askedCount == 1)
        #expect(outcomes[.bestEffort]?.error == nil)
        #expect(outcomes[.bestEffort]?.askedCount == 1)
        #expect(outcomes[.skip]?.error == nil)
        #expect(outcomes[.skip]?.askedCount == 0)
    }

    @Test("a watcher that holds still is asked unless that is to be skipped")
    func agreement() async throws {
        let outcomes = try await outcomes(answering: 0)
        #expect(outcomes.values.allSatisfy { $0.error == nil })
        #expect(outcomes.mapValues(\.askedCount) == [.required: 1, .bestEffort: 1, .skip: 0])
    }

    @Test("a refusal that looks like a missing right names both in its remedy")
    func refusalAsMissingRight() async throws {
        let error = try #require(try await outcomes(answering: -1)[.required]?.error)
        #expect(error.reason == .notPermitted)
        #expect(error.remedy.contains("profile rbd") && error.remedy.contains("quiesce"))
    }

    @Test("a snapshot of another client's has the time that the stock rbd shows")
    func times() async throws {
        try await withSource { source, name, cluster in
            try await cluster.rbd("snap", "create", "--no-progress", "\(name)@theirs")
            let snapshot = try #require(try await source.snapshots().first)
            let shown = try await cluster.rbd("snap", "ls", "--format", "json", name)
            let formatter = DateFormatter()
            formatter.locale = Locale(identifier: "en_US_POSIX")
            formatter.dateFormat = "EEE MMM d HH:mm:ss yyyy"
            let text = formatter.string(from: snapshot.createdAt).replacing("  ", with: " ")
            #expect(shown.replacing("  ", with: " ").contains(text), "\(text) in \(shown)")
        }
    }
}
