import DiffStream
import FerryCore
import TestSupport

/// A diff or an image drawn byte by byte: a letter is a written byte, `0` and `O` are zeros, `.` is untouched.
/// A run of one character is one extent; the length is the image's size.
struct Picture: Equatable, CustomStringConvertible {
    var characters: [UInt8]

    init(_ text: String) { characters = Array(text.utf8) }

    /// What `steps` do to an image.
    init(_ steps: [Step]) {
        characters = Array(repeating: Self.untouched, count: Int(steps.diffHeader.imageByteCount ?? 0))
        for step in steps {
            switch step {
            case .data(let offset, let bytes):
                characters.replaceSubrange(Int(offset)..<Int(offset) + bytes.count, with: bytes)
            case .event(.zero(let extent)):
                let zeros = [UInt8](repeating: Self.zero, count: Int(extent.byteCount))
                characters.replaceSubrange(Int(extent.offset)..<Int(extent.end), with: zeros)
            case .event: continue
            }
        }
    }

    static let untouched = UInt8(ascii: ".")
    static let zero = UInt8(ascii: "0")
    static let otherZero = UInt8(ascii: "O")

    var description: String { String(decoding: characters, as: UTF8.self) }

    /// The image after `diff` was applied to this one.
    func applying(_ diff: Picture) -> Picture {
        var image = self
        image.characters = diff.characters.indices.map { index in
            switch diff.characters[index] {
            case Self.untouched: index < characters.count ? characters[index] : Self.zero
            case Self.otherZero: Self.zero
            default: diff.characters[index]
            }
        }
        return image
    }

    /// The diff as events, with its data.
    func steps(from: String?, to: String?, isProtected: Bool? = nil) -> [Step] {
        let header = DiffHeader(
            fromSnapshot: from, toSnapshot: to, isProtected: isProtected, imageByteCount: UInt64(characters.count))
        var steps = [Step](header).dropLast()
        var start = 0
        while start < characters.count {
            let run = characters[start...].prefix { $0 == characters[start] }
            let extent = Extent(offset: UInt64(start), byteCount: UInt64(run.count))
            switch characters[start] {
            case Self.untouched: break
            case Self.zero, Self.otherZero: steps.append(.event(.zero(extent)))
            default: steps += [.event(.write(extent)), .data(offset: extent.offset, bytes: Array(run))]
            }
            start += run.count
        }
        return steps + [.event(.end)]
    }

    /// A diff of up to 64 bytes, which writes characters of `letters`.
    static func random(letters: String, using generator: inout SeededGenerator) -> Picture {
        var picture = Picture("")
        let byteCount = Int.random(in: 0...64, using: &generator)
        let palette = Array((letters + "..0O").utf8)
        while picture.characters.count < byteCount {
            let character = palette[Int.random(in: 0..<palette.count, using: &generator)]
            let runByteCount = Int.random(in: 1...12, using: &generator)
            picture.characters += [UInt8](repeating: character, count: runByteCount)
        }
        picture.characters.removeLast(picture.characters.count - byteCount)
        return picture
    }
}

/// A stream that comes in slices, of which one is at hand.
struct SlicedStream {
    private(set) var slice: [UInt8] = []
    private var stream = CheckedStream()
    private var rest: ArraySlice<[UInt8]>
    private var position = 0

    init(_ bytes: [UInt8], cuts: [Int] = []) { rest = slices(bytes, cuts: cuts)[...] }

    /// The next step of the diff; nil when the stream is whole and has no more.
    mutating func next() throws(DiffError) -> DiffEvent? {
        while true {
            let slice = slice
            if case .diff(let event)? = try stream.next(slice.span, at: &position) { return event }
            guard let next = rest.popFirst() else { break }
            (self.slice, position) = (next, 0)
        }
        try stream.checkEnd()
        return nil
    }
}

/// The merge of two streams, with the pieces of each write joined only where they were announced as one.
func merge(_ first: SlicedStream, _ second: SlicedStream) throws -> [Step] {
    var sides: [DiffMerge.Side: SlicedStream] = [.first: first, .second: second]
    var merge = DiffMerge()
    var steps: [Step] = []
    while true {
        switch merge.next() {
        case .needs(let side):
            guard let event = try sides[side]?.next() else { throw MissingEvent() }
            try merge.take(event, from: side)
        case .opening(let header): steps += [Step](header).dropLast()
        case .write(let extent): steps.append(.event(.write(extent)))
        case .zero(let extent): steps.append(.event(.zero(extent)))
        case .data(let side, let range):
            guard let offset = steps.nextDataOffset, let slice = sides[side]?.slice else { throw MissingEvent() }
            steps.add(.data(offset: offset, range: range), of: slice)
        case .end:
            for side in sides.keys where try sides[side]?.next() != nil { throw MissingEvent() }
            return steps + [.event(.end)]
        }
    }
}

/// A merge that asks for more than there is, or leaves something.
struct MissingEvent: Error {}

extension [Step] {
    /// Where the next data of the write at hand goes.
    var nextDataOffset: UInt64? {
        switch last {
        case .event(.write(let extent)): extent.offset
        case .data(let offset, let bytes): offset + UInt64(bytes.count)
        default: nil
        }
    }
}
