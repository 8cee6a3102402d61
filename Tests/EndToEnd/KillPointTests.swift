#if DEBUG
import Foundation
import KillPoints
import Testing

extension EndToEnd {
    @Suite("A process that dies at any step", .serialized, .timeLimit(.minutes(8)))
    struct KillPointTests {
        /// Points that are tried side by side: most of their time they wait for leases and locks of the dead to run out.
        private static let width = 20

        @Test(
            "is started again, both sides end equal, and nothing is left behind", .enabled(if: Cluster.areThere))
        func sweep() async throws {
            for cluster in [Cluster.first, Cluster.second] {
                try await cluster?.ceph("config", "set", "osd", "osd_client_watch_timeout", "10")
            }
            var rows: [Int: [KillPointRun.Row]] = [:]
            try await withThrowingTaskGroup(of: (Int, [KillPointRun.Row]).self) { group in
                for (number, kill) in KillCase.all.enumerated() {
                    if number >= Self.width, let (done, result) = try await group.next() { rows[done] = result }
                    group.addTask { (number, try await rowsOrIssue(kill)) }
                }
                for try await (done, result) in group { rows[done] = result }
            }
            let table = rows.sorted { $0.key < $1.key }.flatMap(\.value)
            print("kill points, with what came of them:")
            for row in table { print("  \(row.line)") }
            for row in table {
                #expect(row.wasKilled, "\(row.name) was not reached in the \(row.phase)")
                #expect(row.faults.isEmpty, "\(row.line)")
            }
            let reached = Set(table.filter(\.wasKilled).map { $0.name.split(separator: ":")[0] })
            #expect(reached == Set(KillPoint.allCases.map { Substring($0.rawValue) }))
        }

        /// The others go on when one of them goes wrong altogether.
        private func rowsOrIssue(_ kill: KillCase) async throws -> [KillPointRun.Row] {
            do {
                return try await KillPointRun.run(kill)
            } catch {
                Issue.record("\(kill.name): \(error)")
                return []
            }
        }

        @Test("a release build knows nothing of kill points", .enabled(if: FerryBinary.isRelease))
        func release() throws {
            let words = [KillPoint.variable, KillPoint.receiverSnapshotMade.rawValue].map { Data($0.utf8) }
            let release = try Data(contentsOf: URL(fileURLWithPath: FerryBinary.path), options: .mappedIfSafe)
            let debug = try Data(contentsOf: URL(fileURLWithPath: FerryBinary.debugPath), options: .mappedIfSafe)
            for word in words {
                #expect(debug.range(of: word) != nil)
                #expect(release.range(of: word) == nil)
            }
        }
    }
}
#endif
