extension String {
    /// The text with control characters replaced, and cut to `Limits.printableCharacterCountMax`: what a peer or a
    /// name says must not reach a terminal or a log as escape sequences or lines.
    public var printable: String {
        String(
            prefix(Limits.printableCharacterCountMax).map { character in
                let isControl = character.unicodeScalars.contains {
                    $0.properties.generalCategory == .control || $0.properties.generalCategory == .format
                }
                return isControl ? "?" : character
            })
    }
}
