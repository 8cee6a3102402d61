public import AgentConfiguration
public import FerryCore
import Planning

/// Which images of a store a run is about.
public enum ImageSelection {
    /// The images that a configuration's rules send, sorted.
    public static func ruled(
        by configuration: SenderConfiguration, of names: [String], location: String
    ) throws(SelectionError) -> [String] {
        let selected = names.filter { configuration.rules.deciding($0)?.settings != nil }
        guard !selected.isEmpty else {
            let patterns = configuration.rules.rules.filter { $0.settings != nil }.map(\.pattern.text)
            throw SelectionError(pattern: patterns.joined(separator: ", "), location: location)
        }
        return selected.sorted()
    }

    /// The images that are named exactly, and those that match a pattern and are not left out by a rule; sorted.
    /// Throws when a text selects none.
    public static func named(
        _ texts: [String], by configuration: SenderConfiguration, of names: [String], location: String
    ) throws(SelectionError) -> [String] {
        let all = Set(names)
        var selected = Set<String>()
        for text in texts {
            if all.contains(text) {
                selected.insert(text)
                continue
            }
            let matching = names.filter { ImagePattern(text).matches($0) && !isExcluded($0, by: configuration) }
            guard !matching.isEmpty else { throw SelectionError(pattern: text, location: location) }
            selected.formUnion(matching)
        }
        return selected.sorted()
    }

    private static func isExcluded(_ name: String, by configuration: SenderConfiguration) -> Bool {
        guard let rule = configuration.rules.deciding(name) else { return false }
        return rule.settings == nil
    }
}

/// A pattern that selects no image.
public struct SelectionError: Failure, Equatable {
    /// The pattern.
    public let pattern: String
    /// The store that was searched.
    public let location: String

    /// The same command gives the same result.
    public var disposition: Disposition { .permanent }
    /// What happened.
    public var cause: String { "no image in \(location) matches \(pattern)" }
    /// What the user can do.
    public var remedy: String { "check the name and the store in the configuration; config match shows what decides" }
}
