import FerryCore
import ImageStore

/// What an import notes with an image before it changes it, and takes away when it is done.
///
/// An import that is killed leaves the note, and with it the way back. Metadata travel with copies of an image, so the
/// note says which image it is about.
struct ImportMarker: Equatable {
    /// What the image was before.
    enum Before: Equatable {
        /// It was not there: the import made it.
        case made
        /// It was empty and had this size, in bytes.
        case empty(byteCount: UInt64)
        /// It equalled its snapshot with this id.
        case base(id: UInt64)
    }

    let image: ImageIdentity
    let before: Before
    /// The snapshot that the import makes; nil for a history, which makes several, and for a diff to the head.
    let target: String?

    init(_ image: ImageIdentity, _ before: Before, target: String?) {
        self.image = image
        self.before = before
        self.target = target
    }

    /// The text that is kept with the image: a line each for image, state before, and target.
    var text: String {
        let state =
            switch before {
            case .made: "made"
            case .empty(let byteCount): "empty \(byteCount)"
            case .base(let id): "base \(id)"
            }
        return "\(image)\n\(state)\n\(target ?? "")"
    }

    /// Nil for a text that is no note, or one about another image.
    init?(text: String, image: ImageIdentity) {
        let lines = text.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false)
        guard lines.count == 3, lines[0] == image.description else { return nil }
        let words = lines[1].split(separator: " ")
        switch (words.first, words.dropFirst().first.flatMap { UInt64($0) }, words.count) {
        case ("made", nil, 1): before = .made
        case ("empty", let byteCount?, 2): before = .empty(byteCount: byteCount)
        case ("base", let id?, 2): before = .base(id: id)
        default: return nil
        }
        self.image = image
        target = lines[2].isEmpty ? nil : String(lines[2])
    }
}
