import TestSupport

/// Kinds of bytes to compress.
enum SampleContent: String, CaseIterable {
    /// Bytes without any order.
    case random
    /// Letters of a small alphabet without any order: what the benchmark's images hold as text. Repeats nothing.
    case letters
    /// Words of a vocabulary, few of them often and many seldom, as in written text.
    case words

    /// So many bytes, the same for the same seed.
    func bytes(count: Int, seed: Int) -> [UInt8] {
        var generator = SeededGenerator(seed: UInt64(seed))
        switch self {
        case .random:
            return (0..<count / 8 + 1).flatMap { _ in Self.bytes(of: generator.next()) }.prefix(count).map { $0 }
        case .letters: return Self.letters(count, &generator)
        case .words: return Self.words(count, &generator)
        }
    }

    private static let alphabet = Array("etaoin shrdlu\n".utf8)

    private static func bytes(of word: UInt64) -> [UInt8] {
        withUnsafeBytes(of: word) { Array($0) }
    }

    private static func letters(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        (0..<count).map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] }
    }

    private static func words(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        var vocabularyGenerator = SeededGenerator(seed: 0)
        let vocabulary = (0..<8192).map { _ in
            letters(Int.random(in: 2...10, using: &vocabularyGenerator), &vocabularyGenerator) + [UInt8(ascii: " ")]
        }
        var text: [UInt8] = []
        text.reserveCapacity(count + 16)
        while text.count < count {
            // The lower a word's number the more often it comes: each halving of the range is as likely as the next.
            let range = vocabulary.count >> Int.random(in: 0..<12, using: &generator)
            text += vocabulary[Int.random(in: 0..<range, using: &generator)]
        }
        return Array(text.prefix(count))
    }
}
