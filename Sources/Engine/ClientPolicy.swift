import FerryCore
public import Planning

/// Which clients may write which mirrors, and where those are.
public struct ClientPolicy: Sendable {
    /// One client.
    public struct Rule: Sendable {
        /// A name that the client's certificate must carry as a subject alternative name.
        public var identity: String
        /// Images it may write, by the sender's name for them.
        public var images: [ImagePattern]
        /// Put in front of an image's own name to get the mirror's.
        public var prefix: String
        /// The pool, or pool/namespace, of its mirrors; nil: the one that the image has at the sender.
        public var place: String?
        /// Which of its mirrors' snapshots stay.
        public var keep: Retention
        /// Images, by the sender's name, whose mirrors may be images that others made and filled, such as from a disk that
        /// was sent by post.
        public var seeded: [ImagePattern]

        /// A rule from its parts; by default everything stays.
        public init(
            identity: String, images: [ImagePattern], prefix: String, place: String? = nil, keep: Retention = .all,
            seeded: [ImagePattern] = []
        ) {
            self.identity = identity
            self.images = images
            self.prefix = prefix
            self.place = place
            self.keep = keep
            self.seeded = seeded
        }

        /// Whether an image that others made and filled may become this image's mirror.
        func maySeed(_ image: String) -> Bool { seeded.contains { $0.matches(image) } }
    }
    private let rules: [Rule]
    private let places: [String]?

    /// A policy; the first rule that names one of a certificate's identities counts. `places` are the pools that the
    /// store's names begin with; nil when its names have none.
    public init(rules: [Rule], places: [String]? = nil) {
        self.rules = rules
        self.places = places
    }

    /// The rule of the client with these identities.
    func rule(for identities: [String]) throws(EngineError) -> Rule {
        guard let rule = rules.first(where: { identities.contains($0.identity) }) else {
            throw .unknownClient(identities: identities)
        }
        return rule
    }

    /// The client whose image of this name has this mirror; nil when no rule says so.
    public func client(ofMirror mirror: String, source image: String) -> String? {
        rules.first { (try? mirrorName(of: image, under: $0)) == mirror }?.identity
    }

    /// The mirror's name for a client's image.
    func mirrorName(of image: String, under rule: Rule) throws(EngineError) -> String {
        guard rule.images.contains(where: { $0.matches(image) }) else {
            throw .forbiddenImage(image, identities: [rule.identity])
        }
        // Bytes: a slash with an accent behind it is another character, and the same byte to a store.
        let slash = image.utf8.lastIndex(of: UInt8(ascii: "/"))
        let name = rule.prefix + (slash.map { String(image[image.utf8.index(after: $0)...]) } ?? image)
        guard let places else { return name }
        let place = rule.place ?? slash.map { String(image[..<$0]) } ?? ""
        guard places.contains(place) else { throw .unknownPlace(place, image: image, known: places) }
        return "\(place)/\(name)"
    }
}
