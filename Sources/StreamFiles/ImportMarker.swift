import FerryCore
import ImageStore

/// What an import notes with an image before it changes it, and takes away when it is done: what the image was.
///
/// An import that is killed leaves it there, and the next one brings the image back to that first.
enum ImportMarker: Equatable {
    /// The import made the image.
    case made
    /// The image was empty and had this size, in bytes.
    case empty(byteCount: UInt64)
    /// The image equalled its snapshot with this id.
    case base(id: UInt64)

    static let key = StreamImport.ownKeyPrefix + "import"

    /// The text that is kept with the image.
    var text: String {
        switch self {
        case .made: "made"
        case .empty(let byteCount): "empty \(byteCount)"
        case .base(let id): "base \(id)"
        }
    }

    /// Nil for a text that is none of ours.
    init?(text: String) {
        let parts = text.split(separator: " ")
        switch (parts.first, parts.dropFirst().first.flatMap { UInt64($0) }, parts.count) {
        case ("made", nil, 1): self = .made
        case ("empty", let byteCount?, 2): self = .empty(byteCount: byteCount)
        case ("base", let id?, 2): self = .base(id: id)
        default: return nil
        }
    }
}
