/// Values as YAML, such that they are read again as they are.
enum YAMLText {
    /// Words that stand for no value when they are plain.
    private static let reserved: Set = ["null", "Null", "NULL"]

    /// A text, in quotes if it needs them.
    static func scalar(_ text: String) -> String {
        let isPlain = !text.isEmpty && !text.hasPrefix("-") && text.utf8.allSatisfy(isPlainByte)
        return isPlain && !reserved.contains(text) ? text : quoted(text)
    }

    /// A list on one line.
    static func list(_ texts: [String]) -> String {
        "[\(texts.map(scalar).joined(separator: ", "))]"
    }

    /// A mapping on one line; the values are YAML.
    static func mapping(_ pairs: [(key: String, value: String)]) -> String {
        "{\(pairs.map { "\($0.key): \($0.value)" }.joined(separator: ", "))}"
    }

    private static func isPlainByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"): true
        default: false
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case " "..."~": quoted.unicodeScalars.append(scalar)
            case _ where scalar.properties.isAlphabetic: quoted.unicodeScalars.append(scalar)
            default: quoted += escape(scalar.value)
            }
        }
        return quoted + "\""
    }

    private static func escape(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
