/// How much of a snapshot a proof compares.
public enum ProofScope: Hashable, Sendable {
    /// Everything.
    case full
    /// What the last deltas touched, and so many percent of the rest, drawn at random.
    case changed(samplePercent: Double)
    /// Every so many-th leaf; over all slices each leaf comes once, whatever the image's size does meanwhile. From 1.
    case slice(Int, of: Int)
    /// So many percent, drawn at random.
    case percent(Double)

    /// Whether the numbers make sense: a slice that exists, and a share from 0 to 100, above 0 where it is all there is.
    public var isValid: Bool {
        switch self {
        case .full: true
        case .changed(let percent): (0...100).contains(percent)
        case .slice(let number, let count): number >= 1 && number <= count
        case .percent(let percent): percent > 0 && percent <= 100
        }
    }
}

extension ProofScope: CustomStringConvertible {
    /// For people and status: `full`, `changed`, `slice 3/7`, `5 percent`.
    public var description: String {
        switch self {
        case .full: "full"
        case .changed: "changed"
        case .slice(let number, let count): "slice \(number)/\(count)"
        case .percent(let percent): "\(Self.text(percent)) percent"
        }
    }

    private static func text(_ number: Double) -> String {
        let text = "\(number)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

extension ProofScope: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind, percent, number, count
    }

    /// Reads a scope that was stored.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(String.self, forKey: .kind) {
        case "full": self = .full
        case "changed": self = .changed(samplePercent: try container.decode(Double.self, forKey: .percent))
        case "slice":
            let number = try container.decode(Int.self, forKey: .number)
            self = .slice(number, of: try container.decode(Int.self, forKey: .count))
        case "percent": self = .percent(try container.decode(Double.self, forKey: .percent))
        default:
            throw DecodingError.dataCorruptedError(forKey: .kind, in: container, debugDescription: "no such scope")
        }
        guard isValid else {
            throw DecodingError.dataCorruptedError(forKey: .kind, in: container, debugDescription: "out of range")
        }
    }

    /// Stores a scope.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .full: try container.encode("full", forKey: .kind)
        case .changed(let percent):
            try container.encode("changed", forKey: .kind)
            try container.encode(percent, forKey: .percent)
        case .slice(let number, let count):
            try container.encode("slice", forKey: .kind)
            try container.encode(number, forKey: .number)
            try container.encode(count, forKey: .count)
        case .percent(let percent):
            try container.encode("percent", forKey: .kind)
            try container.encode(percent, forKey: .percent)
        }
    }
}
