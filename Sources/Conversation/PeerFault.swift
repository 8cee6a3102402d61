public import FerryCore

/// Why one side ends a conversation or refuses an offer, in words for the user of the other side.
public struct PeerFault: Codable, Equatable, Sendable, Failure {
    /// What the other side can do about it.
    public var disposition: Disposition
    /// What happened.
    public var cause: String
    /// What the user can do.
    public var remedy: String

    /// A fault from its parts.
    public init(disposition: Disposition, cause: String, remedy: String) {
        self.disposition = disposition
        self.cause = cause
        self.remedy = remedy
    }

    /// The fault that tells the peer about an error of ours.
    public init(_ failure: any Failure) {
        self.init(disposition: failure.disposition, cause: failure.cause, remedy: failure.remedy)
    }

    private enum CodingKeys: String, CodingKey {
        case disposition, cause, remedy
    }

    /// Reads a fault. A disposition of a later version counts as permanent; text is cut and made printable, so
    /// that a peer can't write escape sequences to our terminal or lines to our log.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let name = try container.decode(String.self, forKey: .disposition)
        disposition = Disposition(rawValue: name) ?? .permanent
        cause = try container.decode(String.self, forKey: .cause).printable
        remedy = try container.decode(String.self, forKey: .remedy).printable
    }
}
