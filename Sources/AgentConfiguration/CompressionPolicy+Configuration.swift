import Planning

extension ConfigurationSection {
    /// `auto`, `none`, or a zstd level; `auto` when the key is absent or a fault was noted.
    mutating func compression(_ key: String) -> CompressionPolicy {
        switch text(key) {
        case nil, "auto": return .adaptive
        case "none": return .none
        case let text?:
            let range = CompressionPolicy.levelRange
            if let level = Int(text), range.contains(level) { return .level(level) }
            note(
                "\(key) must be auto, none, or a zstd level from \(range.lowerBound) to \(range.upperBound)",
                "write auto", at: key)
            return .adaptive
        }
    }
}

extension CompressionPolicy {
    /// As a file writes it.
    var text: String {
        switch self {
        case .adaptive: "auto"
        case .none: "none"
        case .level(let level): "\(level)"
        }
    }
}
