/// A metric in Prometheus' text exposition format: one name, and a value for each set of labels.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
struct MetricFamily {
    enum Kind: String {
        case counter
        case gauge
    }
    private let name: String
    private let kind: Kind
    private let help: String
    private var lines: [String] = []
    private var seenLabels: Set<String> = []

    init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = "rbd_ferry_\(name)"
        self.kind = kind
        self.help = help
    }

    /// Adds a value. One that is not known, or is no number, is left out, and so is a second one with the same labels,
    /// for which Prometheus would turn the whole text down.
    mutating func add(_ value: Double?, _ labels: KeyValuePairs<String, String> = [:]) {
        guard let value, value.isFinite else { return }
        // Whole numbers without a fraction read better, and 2^53 is where a Double stops telling them apart.
        add(text: abs(value) < 0x1p53 && value.rounded() == value ? "\(Int64(value))" : "\(value)", labels)
    }

    mutating func add(_ value: UInt64, _ labels: KeyValuePairs<String, String> = [:]) {
        add(text: "\(value)", labels)
    }

    private mutating func add(text: String, _ labels: KeyValuePairs<String, String>) {
        let list = labels.map { "\($0.key)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
        guard seenLabels.insert(list).inserted else { return }
        lines.append(list.isEmpty ? "\(name) \(text)" : "\(name){\(list)} \(text)")
    }

    /// Help, kind and values; nothing when there are no values.
    var text: String {
        guard !lines.isEmpty else { return "" }
        return (["# HELP \(name) \(help)", "# TYPE \(name) \(kind.rawValue)"] + lines).map { $0 + "\n" }.joined()
    }

    /// A label's value: a backslash goes before backslashes and quotes, and a line's end is written as `\n`.
    private static func escaped(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
