import DiffStream
import FerryCore
import Testing

/// A history of empty diffs that must be refused, and how.
struct WrongHistory: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// From- and to-snapshots; "-" for none.
    let diffs: [(from: String, to: String)]
    let code: DiffError.Code
    let diffNumber: Int
    var expectedName: String?
    var foundName: String?
}

@Suite("Rules over a history")
struct HistoryRuleTests {
    @Test("diffs that do not follow one another are refused, and the error says which", arguments: wrongHistories)
    func refused(history: WrongHistory) throws {
        for format in [ImageV2Format(), ChainFormat()] as [any StreamFormat] {
            let error = try #require(read(history.diffs, as: format).error)
            #expect(error.code == history.code)
            #expect(error.diffNumber == history.diffNumber)
            #expect(error.expectedName == history.expectedName)
            #expect(error.foundName == history.foundName)
            #expect(error.cause.contains("(diff \(history.diffNumber), record "))
        }
    }

    @Test("a history may end at a snapshot or at the head")
    func right() {
        for format in [ImageV2Format(), ChainFormat()] as [any StreamFormat] {
            #expect(read([("-", "a"), ("a", "b"), ("b", "-")], as: format).error == nil)
            #expect(read([("-", "a"), ("a", "b")], as: format).error == nil)
            #expect(read([("-", "-")], as: format).error == nil)
        }
    }

    @Test("one diff by itself may start and end anywhere", arguments: ["v1", "v2"])
    func singleDiff(format: String) throws {
        let format = try #require(StreamFormats.named(format))
        for ends in [("-", "-"), ("a", "-"), ("-", "b"), ("a", "b")] {
            #expect(StreamRead(format.encode([Step](header(ends)))).error == nil)
        }
    }

    @Test("a diff that leads nowhere is found before its data if the diffs are counted, else when another follows")
    func headInTheMiddle() {
        for (format, diffNumber) in [(ImageV2Format(), 1), (ChainFormat(), 2)] as [(any StreamFormat, Int)] {
            let error = read([("-", "-"), ("a", "b")], as: format).error
            #expect(error?.code == .toSnapshotMissing)
            #expect(error?.diffNumber == diffNumber)
        }
    }

    @Test("an error of a diff says which one it is, and one of the image's header says none")
    func diffNumbers() {
        let cut = read([("-", "a"), ("a", "b")], as: ImageV2Format(), statedCount: 3)
        #expect(cut.error?.code == .cutShort)
        #expect(cut.error?.diffNumber == 3)
        let more = read([("-", "a"), ("a", "b")], as: ImageV2Format(), statedCount: 1)
        #expect(more.error?.code == .afterEnd)
        #expect(more.error?.diffNumber == 1)
        let header = StreamRead(Array("rbd image v2\nE".utf8))
        #expect(header.error?.code == .missing)
        #expect(header.error?.diffNumber == nil)
    }

    @Test("a diff without a size is refused in every format", arguments: StreamFormats.all.map(\.name))
    func noSize(format: String) throws {
        let format = try #require(StreamFormats.named(format))
        var bytes: [UInt8] = []
        format.appendOpening(ImageEnvelopeTests.header, diffCount: 1, to: &bytes)
        bytes += format.encode([Step](DiffHeader(toSnapshot: "a")))
        #expect(StreamRead(bytes).error?.code == .missing)
    }

    @Test("a history of more diffs than the limit is refused, stated or not")
    func tooManyDiffs() {
        let stated = read([("-", "a")], as: ImageV2Format(), statedCount: .max)
        #expect(stated.error?.code == .tooManyDiffs)
        #expect(stated.error?.expected == 16_384)
        #expect(stated.error?.found == .max)
        var limits = DiffLimits.file
        limits.diffCountMax = 2
        let found = read([("-", "a"), ("a", "b"), ("b", "c")], as: ChainFormat(), limits: limits)
        #expect(found.error?.code == .tooManyDiffs)
        #expect(found.error?.found == 3)
        #expect(found.error?.diffNumber == 3)
    }

    @Test("names in an error can't reach a terminal as escape sequences")
    func printable() {
        let error = read([("-", "a\u{1b}[2J"), ("c", "d")], as: ImageV2Format()).error
        #expect(error?.cause.contains("expected 'a?[2J', found 'c'") == true)
    }

    static let wrongHistories: [WrongHistory] = [
        WrongHistory(
            testDescription: "the first diff starts from a snapshot", diffs: [("a", "b")],
            code: .fromSnapshotInFirstDiff, diffNumber: 1, foundName: "a"),
        WrongHistory(
            testDescription: "a diff starts from an earlier snapshot", diffs: [("-", "a"), ("a", "b"), ("a", "c")],
            code: .fromSnapshotDiffers, diffNumber: 3, expectedName: "b", foundName: "a"),
        WrongHistory(
            testDescription: "a second full diff", diffs: [("-", "a"), ("-", "b")], code: .fromSnapshotDiffers,
            diffNumber: 2, expectedName: "a"),
        WrongHistory(
            testDescription: "a snapshot comes twice", diffs: [("-", "a"), ("a", "b"), ("b", "a")],
            code: .toSnapshotRepeated, diffNumber: 3, foundName: "a"),
        WrongHistory(
            testDescription: "a diff leads to its own start", diffs: [("-", "a"), ("a", "a")],
            code: .toSnapshotRepeated, diffNumber: 2, foundName: "a"),
    ]

    private func header(_ ends: (from: String, to: String)) -> DiffHeader {
        DiffHeader(
            fromSnapshot: ends.from == "-" ? nil : ends.from, toSnapshot: ends.to == "-" ? nil : ends.to,
            imageByteCount: 4096)
    }

    private func read(
        _ diffs: [(from: String, to: String)], as format: any StreamFormat, statedCount: UInt64? = nil,
        limits: DiffLimits = .file
    ) -> StreamRead {
        var bytes: [UInt8] = []
        format.appendOpening(ImageEnvelopeTests.header, diffCount: statedCount ?? UInt64(diffs.count), to: &bytes)
        for diff in diffs { bytes += format.encode([Step](header(diff))) }
        return StreamRead(bytes, by: CheckedStream(formats: StreamFormats.all + [ChainFormat()], limits: limits))
    }
}
