import FerryCore
import Glibc

/// A shell pattern for the names of images or snapshots: `*`, `?` and `[...]`.
///
/// A pattern without `/` is matched with an image's own name, in whatever pool it is; one with `/` with the whole of
/// `POOL[/NAMESPACE]/IMAGE`, and then no `*` stands for a `/`.
public struct ImagePattern: Hashable, Sendable, CustomStringConvertible {
    /// The pattern as written.
    public let text: String

    /// A pattern from its text.
    public init(_ text: String) {
        self.text = text
    }

    /// Whether a name matches, as fnmatch(3) has it, or is what is written: names may contain `[`.
    public func matches(_ name: String) -> Bool {
        // C would compare no further than to a NUL.
        guard !name.utf8.contains(0) else { return false }
        let subject = text.utf8.contains(Self.slash) ? name : Self.ownName(name)
        return subject.hasSameBytes(as: text) || fnmatch(text, subject, FNM_PATHNAME) == 0
    }

    /// What stands behind the last `/`.
    private static func ownName(_ name: String) -> String {
        guard let lastSlash = name.utf8.lastIndex(of: slash) else { return name }
        return String(name[name.utf8.index(after: lastSlash)...])
    }

    // Bytes, because a combining mark behind a slash makes another Character of the two.
    private static let slash = UInt8(ascii: "/")

    /// The pattern as written.
    public var description: String { text }
}
