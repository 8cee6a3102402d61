import Foundation
import Yams

/// Reads one mapping of a configuration file, key by key. What is left over is unknown, and an error.
struct ConfigurationReader {
    let file: String
    private let name: String
    private let node: Node
    private let mapping: Node.Mapping
    private var known: [String] = []

    /// Reads a whole file. Throws when it can't be read or is no mapping.
    init(file: String) throws(ConfigurationError) {
        let text: String
        do {
            text = try String(contentsOfFile: file, encoding: .utf8)
        } catch {
            throw ConfigurationError(
                file: file, line: 0, problem: "can't be read: \((error as NSError).localizedDescription)",
                remedy: "check the path and its permissions")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw ConfigurationError(
                file: file, line: Self.line(of: error), problem: "not YAML: \(Self.firstLines(of: error))",
                remedy: "mend the line; README shows whole files")
        }
        guard let root else {
            throw ConfigurationError(file: file, line: 0, problem: "is empty", remedy: "README shows whole files")
        }
        try self.init(file: file, name: "the file", node: root)
    }

    private init(file: String, name: String, node: Node) throws(ConfigurationError) {
        self.file = file
        self.name = name
        self.node = node
        guard let mapping = node.mapping else {
            throw ConfigurationError(
                file: file, line: node.mark?.line ?? 0, problem: "\(name) must hold keys and values",
                remedy: "README shows whole files")
        }
        self.mapping = mapping
    }

    /// What the parser found, on one line and without the excerpt that it puts below.
    private static func firstLines(of error: any Error) -> String {
        "\(error)".split(separator: "\n").prefix(2).joined(separator: ", ")
    }

    private static func line(of error: any Error) -> Int {
        switch error as? YamlError {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        default: 0
        }
    }

    /// A text; `fallback` when the key is absent, an error when there is no fallback.
    mutating func text(_ key: String, default fallback: String? = nil) throws(ConfigurationError) -> String {
        guard let value = take(key) else {
            guard let fallback else { throw missing(key) }
            return fallback
        }
        guard let text = value.scalar?.string, !text.isEmpty || fallback == "" else {
            throw fault(value, "\(key) must be a text", "write a value behind \(key):")
        }
        return text
    }

    /// A whole number in a range.
    mutating func number(
        _ key: String, in range: ClosedRange<Int>, default fallback: Int
    ) throws(ConfigurationError) -> Int {
        guard let value = take(key) else { return fallback }
        guard let number = value.int, range.contains(number) else {
            throw fault(
                value, "\(key) must be a whole number from \(range.lowerBound) to \(range.upperBound)",
                "write a number in that range")
        }
        return number
    }

    /// A list of texts; `fallback` when the key is absent.
    mutating func texts(_ key: String, default fallback: [String]? = nil) throws(ConfigurationError) -> [String] {
        guard let value = take(key) else {
            guard let fallback else { throw missing(key) }
            return fallback
        }
        var texts: [String] = []
        for item in value.sequence ?? [value] {
            guard let text = item.scalar?.string else {
                throw fault(item, "\(key) must be a list of texts", "write [\"a\", \"b\"] behind \(key):")
            }
            texts.append(text)
        }
        return texts
    }

    /// A path; one that is not absolute counts from the file's folder.
    mutating func path(_ key: String) throws(ConfigurationError) -> String {
        let text = try text(key)
        guard !text.hasPrefix("/") else { return text }
        let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
        return folder.appendingPathComponent(text).path
    }

    /// The mapping under a key; nil when the key is absent.
    mutating func section(_ key: String) throws(ConfigurationError) -> ConfigurationReader? {
        guard let value = take(key) else { return nil }
        return try ConfigurationReader(file: file, name: key, node: value)
    }

    /// The mapping under a key that must be there.
    mutating func requiredSection(_ key: String) throws(ConfigurationError) -> ConfigurationReader {
        guard let section = try section(key) else { throw missing(key) }
        return section
    }

    /// The mappings in the list under a key; none when the key is absent.
    mutating func sections(_ key: String) throws(ConfigurationError) -> [ConfigurationReader] {
        guard let value = take(key) else { return [] }
        guard let items = value.sequence else {
            throw fault(value, "\(key) must be a list", "begin each entry with a dash")
        }
        var sections: [ConfigurationReader] = []
        for item in items { sections.append(try ConfigurationReader(file: file, name: key, node: item)) }
        return sections
    }

    /// Throws when a key was not asked for: a misspelt key must not be passed over.
    func finish() throws(ConfigurationError) {
        for (key, _) in mapping {
            let text = key.string ?? ""
            guard !known.contains(text) else { continue }
            let hint = NearestKey.find(text, in: known).map { "did you mean \($0)?" }
            throw ConfigurationError(
                file: file, line: key.mark?.line ?? 0, problem: "unknown key \(text) in \(name)",
                remedy: hint ?? "known here: \(known.joined(separator: ", "))")
        }
    }

    /// A fault at this mapping.
    func fault(_ problem: String, _ remedy: String) -> ConfigurationError {
        fault(node, problem, remedy)
    }

    private mutating func take(_ key: String) -> Node? {
        known.append(key)
        return mapping[Node(key)]
    }

    private func missing(_ key: String) -> ConfigurationError {
        fault(node, "\(name) has no key \(key)", "add it; README shows whole files")
    }

    private func fault(_ place: Node, _ problem: String, _ remedy: String) -> ConfigurationError {
        ConfigurationError(file: file, line: place.mark?.line ?? 0, problem: problem, remedy: remedy)
    }
}
