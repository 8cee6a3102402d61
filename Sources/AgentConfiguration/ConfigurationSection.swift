import FerryCore
import Foundation
import Yams

/// One mapping of a configuration file, read key by key. Faults are noted and reading goes on; what is left over at
/// `finish` is unknown, and a fault.
struct ConfigurationSection {
    /// More entries than any list needs; aliases could otherwise make few lines stand for billions.
    static let sectionCountMax = 4096
    private static let textCountMax = 256
    private static let keyCountMax = 100
    private static let textByteCountMax = 4096

    /// What the file's sections share.
    let reading: ConfigurationReading
    /// What the section is called in messages.
    let name: String
    /// The line where it begins, from 1.
    let line: Int
    private var values: [String: Node] = [:]
    private var lines: [String: Int] = [:]
    private var known: [String] = []

    /// The whole file.
    init(file reading: ConfigurationReading) throws(ConfigurationFaults) {
        let root: Node
        do {
            root = try YAMLDocument.root(of: try ConfigurationText.read(reading.file), file: reading.file)
        } catch {
            throw ConfigurationFaults([error])
        }
        self = try reading.result(Self(reading, name: "the file", node: root))
    }

    /// A part of a file; nil, and a fault, when it is no mapping.
    private init?(_ reading: ConfigurationReading, name: String, node: Node) {
        self.reading = reading
        self.name = name
        line = node.mark?.line ?? 0
        guard let mapping = node.mapping else {
            reading.note("\(name) must hold keys and values", "README shows whole files", line: line)
            return nil
        }
        guard mapping.count <= Self.keyCountMax else {
            reading.note("\(name) has \(mapping.count) keys", "README shows whole files", line: line)
            return nil
        }
        for (key, value) in mapping {
            let keyLine = key.mark?.line ?? line
            guard let text = key.scalar?.string else {
                reading.note("a key in \(name) is no text", "README shows whole files", line: keyLine)
                continue
            }
            if values.updateValue(value, forKey: text) != nil {
                reading.note("\(text.printable) is written twice in \(name)", "keep one of the two", line: keyLine)
            }
            lines[text] = keyLine
        }
    }

    /// Keys that are written here, sorted.
    var keys: [String] { values.keys.sorted() }

    /// Whether a key is written here.
    func has(_ key: String) -> Bool { values[key] != nil }

    /// Whether the value of a key is neither a list nor a mapping.
    func isText(_ key: String) -> Bool { values[key]?.scalar != nil }

    /// The line of a key, or of the section when it is not written.
    func line(of key: String) -> Int { lines[key] ?? line }

    /// Notes a fault at a key, or at the section.
    func note(_ problem: String, _ remedy: String, at key: String? = nil) {
        reading.note(problem, remedy, line: key.map { line(of: $0) } ?? line)
    }

    /// A text; nil when the key is absent or a fault was noted.
    mutating func text(_ key: String) -> String? {
        guard let value = take(key) else { return nil }
        guard let text = Self.text(of: value), !text.isEmpty else {
            note("\(key) must be a text", "write a value behind \(key):", at: key)
            return nil
        }
        return checked(text, key)
    }

    /// A text that must be there.
    mutating func requiredText(_ key: String) -> String? {
        require(key)
        return text(key)
    }

    /// A text that may be empty; nil when the key is absent, has no value or a fault was noted.
    mutating func emptiableText(_ key: String) -> String? {
        guard let value = take(key), !Self.isNull(value) else { return nil }
        guard let text = Self.text(of: value) else {
            note("\(key) must be a text", "write a value behind \(key):", at: key)
            return nil
        }
        return checked(text, key)
    }

    /// A list of texts, or one text; nil when the key is absent or a fault was noted.
    mutating func texts(_ key: String) -> [String]? {
        guard let value = take(key) else { return nil }
        let items = value.sequence.map(Array.init) ?? [value]
        guard items.count <= Self.textCountMax else {
            note("\(key) has \(items.count) entries, at most \(Self.textCountMax)", "patterns make it short", at: key)
            return nil
        }
        var texts: [String] = []
        for item in items {
            guard let text = Self.text(of: item), !text.isEmpty else {
                reading.note(
                    "\(key) must be a list of texts", "write [\"a\", \"b\"] behind \(key):", line: item.line(or: line))
                continue
            }
            if let text = checked(text, key, line: item.line(or: line)) { texts.append(text) }
        }
        return texts.count == items.count ? texts : nil
    }

    /// The mapping under a key; nil when the key is absent or a fault was noted.
    mutating func section(_ key: String) -> ConfigurationSection? {
        guard let value = take(key) else { return nil }
        return ConfigurationSection(reading, name: key, node: value)
    }

    /// The mapping under a key that must be there.
    mutating func requiredSection(_ key: String) -> ConfigurationSection? {
        require(key)
        return section(key)
    }

    /// The mappings in the list under a key; none when the key is absent.
    mutating func sections(_ key: String) -> [ConfigurationSection] {
        guard let value = take(key) else { return [] }
        guard let items = value.sequence else {
            note("\(key) must be a list", "begin each entry with a dash", at: key)
            return []
        }
        guard items.count <= Self.sectionCountMax else {
            note(
                "\(key) has \(items.count) entries, at most \(Self.sectionCountMax)", "patterns make it short", at: key)
            return []
        }
        return items.compactMap { reading.isFull ? nil : ConfigurationSection(reading, name: key, node: $0) }
    }

    /// Notes a fault when the key is not written.
    mutating func require(_ key: String) {
        if !has(key) { note("\(name) has no key \(key)", "add it; README shows whole files") }
    }

    /// Notes every key that was not asked for: a misspelt key must not be passed over.
    func finish() {
        for key in keys where !known.contains(key) && !reading.isFull {
            let hint = NearestKey.find(key, in: known).map { "did you mean \($0)?" }
            note(
                "unknown key \(key.printable) in \(name)", hint ?? "known here: \(known.joined(separator: ", "))",
                at: key)
        }
    }

    private mutating func take(_ key: String) -> Node? {
        if !known.contains(key) { known.append(key) }
        return values[key]
    }

    private func checked(_ text: String, _ key: String, line: Int? = nil) -> String? {
        let line = line ?? self.line(of: key)
        guard text.utf8.count <= Self.textByteCountMax else {
            reading.note("\(key) is longer than \(Self.textByteCountMax) bytes", "make it shorter", line: line)
            return nil
        }
        guard !text.utf8.contains(0) else {
            reading.note("\(key) has a zero byte in it", "take it out", line: line)
            return nil
        }
        return text
    }

    /// The text of a value that is one.
    private static func text(of node: Node) -> String? {
        isNull(node) ? nil : node.scalar?.string
    }

    /// Whether nothing is written as the value, or one of YAML's words for it.
    private static func isNull(_ node: Node) -> Bool {
        guard let scalar = node.scalar, scalar.style == .plain else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }
}

extension Node {
    fileprivate func line(or fallback: Int) -> Int { mark?.line ?? fallback }
}
