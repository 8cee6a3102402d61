/// Writes keys and values, a line each.
struct YAMLWriter {
    private(set) var text = ""
    private var depth = 0
    private var isFirstOfEntry = false

    /// A key with a text behind it.
    mutating func add(_ key: String, _ value: String) {
        addRaw(key, YAMLText.scalar(value))
    }

    /// A key with a text behind it, if there is one.
    mutating func add(_ key: String, ifPresent value: String?) {
        if let value { add(key, value) }
    }

    /// A key with YAML behind it.
    mutating func addRaw(_ key: String, _ yaml: String) {
        let marker = isFirstOfEntry ? "- " : ""
        isFirstOfEntry = false
        text += String(repeating: "  ", count: depth - marker.count / 2) + "\(marker)\(key): \(yaml)\n"
    }

    /// A key with keys below it.
    mutating func section(_ key: String, _ body: (inout YAMLWriter) -> Void) {
        text += String(repeating: "  ", count: depth) + "\(key):\n"
        depth += 1
        body(&self)
        depth -= 1
    }

    /// A key with a list of mappings below it.
    mutating func list<Element>(_ key: String, _ elements: [Element], _ body: (inout YAMLWriter, Element) -> Void) {
        guard !elements.isEmpty else { return addRaw(key, "[]") }
        section(key) { writer in
            for element in elements {
                writer.isFirstOfEntry = true
                writer.depth += 1
                body(&writer, element)
                writer.depth -= 1
            }
        }
    }
}
