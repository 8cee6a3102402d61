import AgentConfiguration
import Foundation
import TestSupport
import Testing

@Suite("A file that nobody meant as a configuration")
struct HostileFileTests {
    @Test(
        "is refused when it nests deeply", arguments: ["[", "{a: ", "- ", "? ", "{[", "- - {x: [", "!!a &b [", "? - "])
    func deep(piece: String) throws {
        for count in [500, 900, 2_000, 100_000] {
            let text = String(repeating: piece, count: count)
            #expect(try !senderFaults(text).isEmpty)
            #expect(try !senderFaults("site: a\nimages: " + text).isEmpty)
        }
        let indented = (0..<900).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(try !senderFaults(indented).isEmpty)
    }

    @Test("is refused at once when a few aliases stand for billions of nodes", .timeLimit(.minutes(1)))
    func aliasBomb() throws {
        let bomb = (1...30).map {
            "a\($0): &a\($0) [\(Array(repeating: "*a\($0 - 1)", count: 9).joined(separator: ","))]"
        }
        let text = "a0: &a0 [x]\n" + bomb.joined(separator: "\n") + "\n"
        #expect(try senderFaults(text).count > 30)
        for key in ["? *a30\n: x\n", "*a30 : x\n", "? [*a30, *a29]\n: x\n", "{[*a30]: 3}: x\n", "z: {{a: *a30}: x}\n"] {
            #expect(try !senderFaults(text + key).isEmpty)
        }
    }

    @Test("is looked at for a short time only when its aliases make lists long", .timeLimit(.minutes(1)))
    func longAliases() throws {
        let names = Array(repeating: "x", count: 20_000).joined(separator: ",")
        let rules = (0..<20_000).map { "  - {match: a\($0), to: *names}\n" }.joined()
        #expect(try !senderFaults(Sample.sender + "  - {match: x, to: &names [\(names)]}\n" + rules).isEmpty)
        let keys = (0..<20_000).map { "k\($0): 1" }.joined(separator: ",")
        let entries = Array(repeating: "  - *keys\n", count: 20_000).joined()
        #expect(try !senderFaults(Sample.sender + "  - &keys {\(keys)}\n" + entries).isEmpty)
        let long = String(repeating: "x", count: 300_000)
        let patterns = Array(repeating: "  - {match: *long}\n", count: 4_000).joined()
        #expect(try !senderFaults(Sample.sender + "  - {match: &long \(long)}\n" + patterns).isEmpty)
    }

    @Test("is refused when it is larger than a configuration can be")
    func large() throws {
        let faults = try senderFaults(Sample.sender + Sample.rule + String(repeating: "#\n", count: 600_000))
        #expect(faults == ["0: is larger than 1048576 bytes"])
    }

    @Test("does not trap when it came about by chance", .timeLimit(.minutes(2)))
    func mutations() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<1500 {
            var text = Array((round.isMultiple(of: 2) ? Self.senderText : Sample.receiver).utf8)
            for _ in 0..<Int.random(in: 1...8, using: &generator) { mutate(&text, &generator) }
            try expectAnswer(String(decoding: text, as: UTF8.self), "seed \(seed), round \(round)")
        }
    }

    private static let senderText =
        Sample.sender + """
              - &rule
                match: "vm-*"
                at: ["Mon..Fri 02:30", daily]
                to: [c]
                keep: {last: 3, hourly: 24, also: ["nightly-*"]}
                before: {command: [/usr/local/bin/freeze, x], timeout: 1m, fatal: false}
              - exclude: "vm-scratch*"
              - *rule
            parallel: 4
            hold-base-max: 30d
            control: none
            """

    private static let pieces = [
        "99999999999999999999999999", "-1", "0x7fffffffffffffff", "1e309", ".inf", "1:99:99999999999999999", "&a ",
        "*a",
        "*rule", "<<: ", "!!int ", "!<x> ", "~", "null", "[", "]", "{", "}", "\n", "  ", "\t", "? ", ": ", "- ", "|\n",
        ">-\n", "\"", "'", "\\x00", "\u{0}", "\u{feff}", "\u{85}", "# ", "%YAML 9.9\n", "---\n", "...\n", "é",
        "\u{1F600}",
        "99999999999d", "99999999999999999999s", "*-*-* *:*:*", "2026-99-99", "Mon..", "/1", "~/0",
    ]

    private func mutate(_ text: inout [UInt8], _ generator: inout SeededGenerator) {
        let start = Int.random(in: 0...text.count, using: &generator)
        let end = min(text.count, start + Int.random(in: 0...12, using: &generator))
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: text.removeSubrange(start..<end)
        case 1: text.insert(UInt8.random(in: .min ... .max, using: &generator), at: start)
        case 2: text.insert(contentsOf: Array(text[start..<end]), at: Int.random(in: 0...text.count, using: &generator))
        default: text.replaceSubrange(start..<end, with: (Self.pieces.randomElement(using: &generator) ?? "").utf8)
        }
    }

    /// Either reading ends with a configuration that can be shown and read again, or with faults.
    private func expectAnswer(_ text: String, _ comment: Comment) throws {
        do {
            let shown = try withFile(text) { try AgentConfigurationFile(file: $0, environment: [:]).yaml }
            let again = try withFile(shown) { try AgentConfigurationFile(file: $0, environment: [:]).yaml }
            #expect(shown == again, comment)
        } catch let error as ConfigurationFaults {
            #expect(!error.faults.isEmpty && error.faults.allSatisfy { $0.line >= 0 && !$0.remedy.isEmpty }, comment)
        }
    }
}
