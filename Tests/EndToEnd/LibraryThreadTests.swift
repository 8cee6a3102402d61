import Foundation
import Testing

extension EndToEnd {
    @Suite("Threads of Ceph's libraries", .serialized, .timeLimit(.minutes(1)), .enabled(if: Cluster.areThere))
    struct LibraryThreadTests {
        @Test("two of them handle what has come from a cluster: as many as are waited for")
        func two() async throws {
            try await Stage.with(.clusters) { stage in
                try await stage.makeSource(byteCount: 8 << 20)
                #expect(try await stage.sync().status == 0)
                let names = try threadNames(of: stage.receiver.command.processID)
                #expect(names.filter { $0 == "io_context_pool" }.count == 2, "\(names)")
            }
        }

        private func threadNames(of process: Int32) throws -> [String] {
            let tasks = "/proc/\(process)/task"
            return try FileManager.default.contentsOfDirectory(atPath: tasks).compactMap { task in
                // A thread may have ended meanwhile.
                try? String(contentsOfFile: "\(tasks)/\(task)/comm", encoding: .utf8)
                    .trimmingCharacters(in: .newlines)
            }
        }
    }
}
