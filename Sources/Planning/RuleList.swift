/// Rules over images; the last one whose pattern matches decides.
public struct RuleList<Settings: Sendable>: Sendable {
    /// One rule.
    public struct Rule: Sendable {
        /// Which images.
        public var pattern: ImagePattern
        /// Line of the configuration file, from 1.
        public var line: Int
        /// What is done with them; nil: they are left out.
        public var settings: Settings?

        /// A rule from its parts.
        public init(pattern: ImagePattern, line: Int, settings: Settings?) {
            self.pattern = pattern
            self.line = line
            self.settings = settings
        }
    }
    /// In the order of the file.
    public var rules: [Rule]

    /// A list of rules.
    public init(_ rules: [Rule]) { self.rules = rules }

    /// The rule that decides about an image: the last that matches; nil when none does. A rule without settings
    /// leaves the image out.
    public func deciding(_ image: String) -> Rule? {
        rules.last { $0.pattern.matches(image) }
    }
}
