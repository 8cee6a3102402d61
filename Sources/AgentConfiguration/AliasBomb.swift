/// A few aliases of aliases stand for billions of nodes. The parser shares them, but it hashes every key, and a key
/// that is a list or a mapping is hashed with all that its aliases stand for.
enum AliasBomb {
    /// So many aliases stand for a few thousand nodes at most.
    private static let aliasCountMax = 24

    /// Whether hashing the keys of `text` could take long. Looks at the bytes only, and errs on the safe side.
    static func isPossible(in text: String) -> Bool {
        let bytes = Array(text.utf8)
        let anchors = Set(names(after: UInt8(ascii: "&"), in: bytes))
        guard !anchors.isEmpty else { return false }
        let aliases = names(after: UInt8(ascii: "*"), in: bytes).filter(anchors.contains)
        return aliases.count > aliasCountMax && hasCompoundKey(bytes)
    }

    private static func names(after sign: UInt8, in bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var names: [ArraySlice<UInt8>] = []
        for index in bytes.indices where bytes[index] == sign {
            let name = bytes[(index + 1)...].prefix { isNameByte($0) }
            if !name.isEmpty { names.append(name) }
        }
        return names
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }

    /// A key after a question mark, a bracket or brace before a colon, or an alias before one.
    private static func hasCompoundKey(_ bytes: [UInt8]) -> Bool {
        var lastSignificant = UInt8(ascii: " ")
        var isInAlias = false
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "?"): return true
            case UInt8(ascii: ":") where isInAlias || lastSignificant == UInt8(ascii: "]"): return true
            case UInt8(ascii: ":") where lastSignificant == UInt8(ascii: "}"): return true
            case UInt8(ascii: " "), UInt8(ascii: "\t"): continue
            case UInt8(ascii: "*"): isInAlias = true
            default: isInAlias = isInAlias && isNameByte(byte)
            }
            lastSignificant = byte
        }
        return false
    }
}
