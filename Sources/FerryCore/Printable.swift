extension String {
    /// The text with control characters replaced, and cut to `Limits.printableScalarCountMax`: what a peer or a name says
    /// must not reach a terminal or a log as escape sequences or lines, nor at any length. (A character may be of any
    /// number of scalars.)
    public var printable: String {
        var text = UnicodeScalarView()
        for scalar in unicodeScalars.prefix(Limits.printableScalarCountMax) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: text.append("?")
            default: text.append(scalar)
            }
        }
        return String(text)
    }
}
