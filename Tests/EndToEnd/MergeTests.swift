import Foundation
import Testing

extension EndToEnd {
    @Suite("rbd-ferry merge", .serialized, .timeLimit(.minutes(2)))
    struct MergeTests {
        /// What is written between two snapshots, and the image's size then, in blocks of 4 KiB.
        struct Step: Sendable {
            var size: UInt64
            var writes: [Range<UInt64>] = []
            var zeros: [Range<UInt64>] = []

            fileprivate func diff(_ from: String, _ to: String, seed: UInt64) -> StreamBytes {
                let all = writes.map { ($0, true) } + zeros.map { ($0, false) }
                let start = StreamBytes.v1.from(from).to(to).size(size << 12)
                return all.sorted { $0.0.lowerBound < $1.0.lowerBound }.reduce(start) { stream, part in
                    let (offset, count) = (part.0.lowerBound << 12, UInt64(part.0.count) << 12)
                    return part.1 ? stream.write(offset, Int(count), seed: seed) : stream.zero(offset, count)
                }.end()
            }
        }

        /// Two steps from an image of 64 written blocks.
        static let tables: [(Step, Step)] = [
            (Step(size: 64), Step(size: 64)),
            (Step(size: 64, writes: [0..<8]), Step(size: 64)),
            (Step(size: 64), Step(size: 64, writes: [0..<8])),
            (Step(size: 64, writes: [0..<8]), Step(size: 64, writes: [8..<16])),
            (Step(size: 64, writes: [8..<16]), Step(size: 64, writes: [0..<8])),
            (Step(size: 64, writes: [4..<12]), Step(size: 64, writes: [0..<8])),
            (Step(size: 64, writes: [0..<8]), Step(size: 64, writes: [4..<12])),
            (Step(size: 64, writes: [0..<16]), Step(size: 64, writes: [4..<8], zeros: [9..<10, 12..<13])),
            (Step(size: 64, writes: [4..<8, 9..<10]), Step(size: 64, writes: [0..<16])),
            (Step(size: 64, zeros: [0..<32]), Step(size: 64, writes: [8..<9, 20..<40])),
            (Step(size: 64, writes: [8..<9, 20..<40]), Step(size: 64, zeros: [0..<32])),
            (Step(size: 96, writes: [60..<70]), Step(size: 96, writes: [90..<96])),
            (Step(size: 32, writes: [30..<32]), Step(size: 64, writes: [40..<41])),
            (Step(size: 96, writes: [50..<96]), Step(size: 48)),
            (Step(size: 96, writes: [50..<96]), Step(size: 60, writes: [59..<60])),
            (Step(size: 16), Step(size: 96, writes: [10..<20, 80..<90])),
            (Step(size: 16), Step(size: 32, zeros: [0..<4])),
            (Step(size: 8), Step(size: 4)),
            (Step(size: 80, zeros: [10..<20]), Step(size: 64, zeros: [15..<25])),
            (Step(size: 64, writes: [0..<64]), Step(size: 0)),
        ]

        @Test("leads to what both diffs one after the other lead to, and what rbd merge-diff makes", arguments: 0..<20)
        func table(number: Int) async throws {
            let (first, second) = Self.tables[number]
            try await StreamStage.with { stage in
                let base = StreamBytes.v1.to("s1").size(64 << 12).write(0, 64 << 12, seed: 1).end()
                let full = try stage.write("full", base.bytes)
                let diffs = [
                    try stage.write("first", first.diff("s1", "s2", seed: 2).bytes),
                    try stage.write("second", second.diff("s2", "s3", seed: 3).bytes),
                ]
                let oneByOne = stage.local("one-by-one")
                for file in [full] + diffs { try await oneByOne.ferryImport(file).run() }
                let expected = try await oneByOne.digest(at: "s3")
                for merged in [try await merge(diffs, stage), try await stockMerge(diffs, stage)] {
                    let image = stage.local(merged.split(separator: "/").last.map(String.init) ?? "")
                    for file in [full, merged] { try await image.ferryImport(file).run() }
                    #expect(try await image.digest(at: "s3") == expected, "\(merged)")
                    #expect(try await image.snapshotNames() == ["s1", "s3"])
                }
            }
        }

        @Test(
            "goes with rbd: diffs and merges of either, in a row", .enabled(if: Cluster.areThere),
            arguments: [History.shrunkThenGrown, .grown, .discards])
        func withStock(history: History) async throws {
            try await StreamStage.with { stage in
                let (source, target) = (try stage.source(), try stage.target())
                try await history.make(source)
                let expected = try await source.digests()
                let (stock, own) = (stage.file("stock"), stage.file("own"))
                for (from, to) in [(nil, "s1"), ("s1", "s2"), ("s2", "s3")] {
                    try await source.stockExportDiff(at: to, from: from, to: "\(stock)-\(to)").run()
                    try await source.ferryExport(at: to, from: from, "-o", "\(own)-\(to)").run()
                }
                let merges = [
                    try await merge(["\(stock)-s2", "\(stock)-s3"], stage, "ours-of-stock"),
                    try await stockMerge(["\(own)-s2", "\(own)-s3"], stage, "stock-of-ours"),
                    try await merge(["\(own)-s2", "\(stock)-s3"], stage, "ours-of-both"),
                ]
                for (number, merged) in merges.enumerated() {
                    let image = number == 0 ? target : stage.local("image-\(number)")
                    if number == 0 {
                        try await image.create(byteCount: 0)
                        for file in ["\(own)-s1", merged] { try await image.stockImportDiff(file).run() }
                    } else {
                        for file in ["\(stock)-s1", merged] { try await image.ferryImport(file).run() }
                    }
                    #expect(try await image.digests() == expected.filter { $0.key != "s2" }, "\(merged)")
                }
                // Full diffs merge too.
                let all = try await merge(["\(own)-s1", merges[0]], stage, "all")
                try await stage.local("all").ferryImport(all).run()
                #expect(try await stage.local("all").digests() == expected.filter { $0.key == "s3" })
            }
        }

        @Test("makes v2 of v1 and v1 of v2, and reads zstd and standard input")
        func formats() async throws {
            try await StreamStage.with { stage in
                let (first, second) = Self.tables[15]
                let diffs = [
                    try stage.write("first", first.diff("s1", "s2", seed: 2).bytes),
                    try stage.write("second", second.diff("s2", "s3", seed: 3).bytes),
                ]
                let (plain, v2, back) = (stage.file("v1"), stage.file("v2"), stage.file("back"))
                try await ShellCommand.ferry("merge", diffs[0], diffs[1], "-o", plain).run()
                try await ShellCommand(["zstd", "-q", diffs[0]]).run()
                let outcome = try await ShellCommand.pipe(
                    ShellCommand(["cat", "\(diffs[0]).zst"]),
                    ShellCommand.ferry("merge", "-", diffs[1], "--format", "v2", "--zstd", "-o", v2))
                #expect(outcome.isGood, "\(outcome.errors)")
                let empty = try stage.write("empty", StreamBytes.v2.from("s3").to("s4").size(96 << 12).end().bytes)
                try await ShellCommand.ferry("merge", v2, empty, "--format", "v1", "-o", back).run()
                let renamed = try String(decoding: [UInt8](contentsOf: back), as: UTF8.self)
                    .replacingOccurrences(of: "s4", with: "s3")
                let straight = try String(decoding: [UInt8](contentsOf: plain), as: UTF8.self)
                #expect(renamed == straight)
            }
        }

        @Test("refuses diffs that do not follow each other, histories and damage, and writes nothing")
        func refused() async throws {
            try await StreamStage.with { stage in
                let step = Step(size: 64, writes: [0..<8])
                let good = try stage.write("good", step.diff("s1", "s2", seed: 2).bytes)
                let far = try stage.write("far", step.diff("s3", "s4", seed: 2).bytes)
                let full = try stage.write("full", StreamBytes.v1.to("s3").size(64 << 12).end().bytes)
                let toHead = try stage.write("to-head", StreamBytes.v1.from("s1").size(64 << 12).end().bytes)
                let next = step.diff("s2", "s3", seed: 3)
                let cut = try stage.write("cut", next.cut(1).bytes)
                let image = try stage.write("image", StreamBytes.image([step.diff("s1", "s2", seed: 1)]).bytes)
                let cases: [([String], Int32, String)] = [
                    ([good, far], 1, "the first leads to snapshot 's2', the second starts from snapshot 's3'"),
                    ([good, full], 1, "starts from nothing"), ([toHead, good], 1, "leads to the image's head"),
                    ([good, cut], 1, "stops"), ([image, good], 2, "whole history"),
                    ([good, "/nowhere"], 2, "/nowhere"),
                    (["-", "-"], 2, "standard input"),
                ]
                for (files, status, words) in cases {
                    let outcome = try await ShellCommand.ferry("merge", files[0], files[1], "-o", stage.file("out"))
                        .outcome()
                    #expect(outcome.status == status, "\(files): \(outcome.errors)")
                    #expect(outcome.errors.contains(words), "\(outcome.errors)")
                    #expect(try stage.fileNames().filter { $0.contains("out") } == [], "\(files)")
                }
            }
        }

        private func merge(_ files: [String], _ stage: StreamStage, _ name: String = "merged") async throws -> String {
            try await ShellCommand.ferry("merge", files[0], files[1], "-o", stage.file(name)).run()
            return stage.file(name)
        }

        private func stockMerge(
            _ files: [String], _ stage: StreamStage, _ name: String = "stock-merged"
        ) async throws -> String {
            try await ShellCommand(["rbd", "merge-diff", "--no-progress"] + files + [stage.file(name)]).run()
            return stage.file(name)
        }
    }
}

extension [UInt8] {
    /// What is in a file.
    init(contentsOf path: String) throws {
        self = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }
}
