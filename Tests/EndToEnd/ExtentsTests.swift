import Foundation
import Testing

extension EndToEnd {
    @Suite("rbd-ferry extents", .serialized, .timeLimit(.minutes(2)))
    struct ExtentsTests {
        private struct Listing: Decodable {
            var extents: [Entry]
            var extentsCount: Int
            var dataBytes: Int
            var zeroBytes: Int
            var imageBytes: Int
        }
        fileprivate struct Entry: Decodable, Equatable {
            var offsetBytes: Int
            var lengthBytes: Int
            var content: String
        }
        private struct StockEntry: Decodable {
            var offset: Int
            var length: Int
            var exists: String
        }

        @Test(
            "lists what rbd diff lists", .enabled(if: Cluster.areThere),
            arguments: [
                History.shrunkThenGrown, .discards, .oddSizes, .sparse, .striped, .fewFeatures, .clone,
            ])
        func asStock(history: History) async throws {
            try await StreamStage.with { stage in
                let image = try stage.source()
                try await history.make(image)
                for (from, to) in [(nil, "s2"), ("s1", "s2"), ("s1", "s3")] {
                    let comment: Comment = "\(from ?? "nothing") to \(to)"
                    let exact = try await stockDiff(image, from, to, [])
                    let listing = try await listing(image.ferryExtents(at: to, from: from, "--json"))
                    #expect(listing.extents == exact, comment)
                    let objects = try await stockDiff(image, from, to, ["--whole-object"])
                    let coarse = try await self.listing(
                        image.ferryExtents(at: to, from: from, "--json", "--whole-object"))
                    // Without a map that can be trusted, what is listed is exact.
                    #expect(
                        coarse.extents == objects
                            || (history.isClone || !history.options.isEmpty) && coarse.extents == exact, comment)
                }
                try await image.expectReleased()
            }
        }

        @Test("says the sums, and how large the image is", arguments: StreamTarget.available)
        func sums(target: StreamTarget) async throws {
            try await withImage(target) { stage, image in
                let listing = try await listing(image.ferryExtents(at: "s2", from: "s1", "--json"))
                #expect(listing.extentsCount == listing.extents.count)
                #expect(listing.dataBytes == listing.extents.filter { $0.content == "data" }.sum)
                #expect(listing.zeroBytes == listing.extents.filter { $0.content == "zero" }.sum)
                #expect(listing.imageBytes == 8 << 20)
                #expect(listing.extents.contains { $0.content == "data" && $0.offsetBytes <= 4 << 20 })
            }
        }

        @Test("prints a line an extent, and the sums elsewhere", arguments: StreamTarget.available)
        func lines(target: StreamTarget) async throws {
            try await withImage(target) { stage, image in
                let listing = try await listing(image.ferryExtents(at: "s2", "--json"))
                let outcome = try await image.ferryExtents(at: "s2").outcome()
                let lines = outcome.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
                #expect(lines.first == ["offset", "length", "content"])
                let expected = listing.extents.map { ["\($0.offsetBytes)", "\($0.lengthBytes)", $0.content] }
                #expect(Array(lines.dropFirst()) == expected)
                #expect(outcome.errors.contains("\(listing.extentsCount) extents"), "\(outcome.errors)")
            }
        }

        @Test("lets go of the image when its reader goes away", .enabled(if: Cluster.areThere))
        func readerGone() async throws {
            try await StreamStage.with { stage in
                let image = try stage.source()
                try await image.create(byteCount: 24 << 20)
                // More lines than a pipe and our buffer hold.
                let changes = (0..<6000).map { SiteImage.Change.write(seed: 2, offset: $0 << 12, byteCount: 512) }
                try await image.change(
                    [.write(seed: 1, offset: 0, byteCount: 24 << 20), .snapshot("s1")] + changes + [.snapshot("s2")])
                let outcome = try await ShellCommand.pipe(
                    image.ferryExtents(at: "s2", from: "s1"), ShellCommand(["head", "-n", "1"]))
                #expect(outcome.statuses == [75, 0], "\(outcome.errors)")
                try await image.expectReleased()
            }
        }

        private func withImage(
            _ target: StreamTarget, _ body: (StreamStage, SiteImage) async throws -> Void
        ) async throws {
            try await StreamStage.with { stage in
                let image = try target.image(stage)
                let full = StreamBytes.v1.to("s1").size(6 << 20).write(0, 5 << 20).end()
                let increment = StreamBytes.v1.from("s1").to("s2").size(8 << 20).zero(1 << 20, 1 << 20)
                    .write(4 << 20, 70_000, seed: 2).end()
                try await image.ferryImport(try stage.write("full", full.bytes)).run()
                try await image.ferryImport(try stage.write("increment", increment.bytes)).run()
                try await body(stage, image)
            }
        }

        private func listing(_ command: ShellCommand) async throws -> Listing {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Listing.self, from: Data(try await command.run().utf8))
        }

        /// What stock `rbd diff` says, with neighbours of one kind joined.
        private func stockDiff(
            _ image: SiteImage, _ from: String?, _ to: String, _ options: [String]
        ) async throws -> [Entry] {
            let words = (from.map { ["--from-snap", $0] } ?? []) + options + ["\(image.spec)@\(to)"]
            let text = try await (image.stock("diff", "--format", "json") + words).run()
            var joined: [Entry] = []
            for entry in try JSONDecoder().decode([StockEntry].self, from: Data(text.utf8)) {
                let content = entry.exists == "true" ? "data" : "zero"
                if let last = joined.last, last.content == content, last.offsetBytes + last.lengthBytes == entry.offset
                {
                    joined[joined.count - 1].lengthBytes += entry.length
                } else {
                    joined.append(Entry(offsetBytes: entry.offset, lengthBytes: entry.length, content: content))
                }
            }
            return joined
        }
    }
}

extension [EndToEnd.ExtentsTests.Entry] {
    fileprivate var sum: Int { reduce(0) { $0 + $1.lengthBytes } }
}
