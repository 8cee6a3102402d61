public import Planning

/// Which clients may write which mirrors.
public struct ClientPolicy: Sendable {
    /// One client.
    public struct Rule: Sendable {
        /// A name that the client's certificate must carry as a subject alternative name.
        public var identity: String
        /// Images it may write, by the sender's name for them.
        public var images: [ImagePattern]
        /// Put in front of an image's name to get the mirror's.
        public var prefix: String

        /// A rule from its parts.
        public init(identity: String, images: [ImagePattern], prefix: String) {
            self.identity = identity
            self.images = images
            self.prefix = prefix
        }
    }
    private let rules: [Rule]

    /// A policy; the first rule that names one of a certificate's identities counts.
    public init(rules: [Rule]) {
        self.rules = rules
    }

    /// The rule of the client with these identities.
    func rule(for identities: [String]) throws(EngineError) -> Rule {
        guard let rule = rules.first(where: { identities.contains($0.identity) }) else {
            throw .unknownClient(identities: identities)
        }
        return rule
    }

    /// The mirror's name for a client's image.
    func mirrorName(of image: String, under rule: Rule) throws(EngineError) -> String {
        guard rule.images.contains(where: { $0.matches(image) }) else {
            throw .forbiddenImage(image, identities: [rule.identity])
        }
        return rule.prefix + image
    }
}
