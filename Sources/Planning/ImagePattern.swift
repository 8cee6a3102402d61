import Glibc

/// A shell pattern for image names: `*`, `?` and `[...]`.
public struct ImagePattern: Hashable, Sendable, CustomStringConvertible {
    /// The pattern as written.
    public let text: String

    /// A pattern from its text.
    public init(_ text: String) {
        self.text = text
    }

    /// Whether a name matches, as fnmatch(3) has it.
    public func matches(_ name: String) -> Bool {
        fnmatch(text, name, 0) == 0
    }

    /// The pattern as written.
    public var description: String { text }
}
