import DiffStream
import FerryCore

/// A whole `rbd image v2` stream.
struct ImageStream: Equatable {
    var header: ImageHeader?
    var diffCount: UInt64 = 0
    var diffs: [[Step]] = []
    var error: DiffError?

    /// Decodes `bytes`, given in slices that end at `cuts`, and checks each diff.
    init(decoding bytes: [UInt8], cuts: [Int] = [], isChecked: Bool = true) {
        var decoder = ImageEnvelopeDecoder()
        var checker = DiffChecker(toSnapshot: .optional)
        do throws(DiffError) {
            for slice in slices(bytes, cuts: cuts) {
                var position = 0
                while let event = try decoder.next(slice.span, at: &position) {
                    add(event, of: slice)
                    guard isChecked, case .diff(let diffEvent) = event else { continue }
                    try checker.check(diffEvent, at: decoder.record)
                    if checker.isAtEnd { checker = DiffChecker(toSnapshot: .optional) }
                }
            }
            try decoder.checkEnd()
        } catch {
            self.error = error
        }
    }

    private mutating func add(_ event: StreamEvent, of slice: [UInt8]) {
        switch event {
        case .image(let header): self.header = header
        case .diffCount(let count):
            diffCount = count
            diffs.append([])
        case .diff(let event):
            if diffs.last?.last == .event(.end) { diffs.append([]) }
            diffs[diffs.count - 1].add(event, of: slice)
        }
    }

    /// The stream's bytes, made anew.
    func encoded(protectionForm: DiffEncoder.ProtectionForm) -> [UInt8] {
        var output: [UInt8] = []
        guard let header else { return output }
        ImageEnvelopeEncoder.append(header, diffCount: diffCount, to: &output)
        for diff in diffs {
            DiffEncoder.appendBanner(to: &output)
            output += encode(diff, protectionForm: protectionForm)
        }
        return output
    }
}
