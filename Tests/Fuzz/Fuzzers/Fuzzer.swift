import FerryCore
import Foundation

/// One fuzzer: what it does with an input, and inputs to begin with.
protocol Fuzzer: SendableMetatype {
    /// What `Tests/fuzz --only` calls it.
    static var name: String { get }
    /// Inputs that reach deep, made by our own encoders; `golden` are the files that the tests compare with.
    static func seeds(golden: [[UInt8]]) throws -> [[UInt8]]
    /// Runs one input. Hostile input may be refused; whatever else breaks a rule ends the process.
    static func run(_ input: [UInt8])
}

/// An action in a conversation; it takes what it needs of the input.
typealias FuzzAction<Conversation> = @Sendable (inout Conversation, inout FuzzInput) -> Void

/// Takes actions from the input, each by a byte that chooses it from one of the two lists, until it is used up or `isOver`.
func act<Conversation>(
    _ input: [UInt8], in conversation: Conversation, peer: [FuzzAction<Conversation>], own: [FuzzAction<Conversation>],
    isOver: (Conversation) -> Bool
) {
    var input = FuzzInput(input)
    var conversation = conversation
    while !input.isEmpty, !isOver(conversation) {
        let choice = input.byte()
        let actions = choice < 128 ? peer : own
        let index = Int(choice & 31)
        if index < actions.count { actions[index](&conversation, &input) }
    }
}

/// Ends the process, as a finding, unless the rule holds.
func require(_ holds: Bool, _ rule: @autoclosure () -> String) {
    guard !holds else { return }
    fail(rule())
}

/// Ends the process: a rule was broken.
func fail(_ rule: String) -> Never {
    FileHandle.standardError.write(Data("rule broken: \(rule)\n".utf8))
    abort()
}

/// Requires what holds of every error that a user may see: one line each of cause and remedy, of bounded length, without
/// control characters.
func requireShowable(_ error: some Failure) {
    for text in [error.cause, error.remedy] {
        // Two words of a peer's of the longest length that is shown, one of ours of any, and what stands around them.
        let scalarCountMax = 3 * Limits.printableScalarCountMax + Limits.nameByteCountMax
        require(text.unicodeScalars.count <= scalarCountMax, "a text is not endless")
        let isPlain = text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
        require(isPlain, "an error's text can be shown: \(text.debugDescription)")
    }
}
