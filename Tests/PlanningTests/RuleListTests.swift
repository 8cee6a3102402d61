import Planning
import Testing

private func rules(_ entries: [(pattern: String, settings: String?)]) -> RuleList<String> {
    RuleList(
        entries.enumerated().map { index, entry in
            .init(pattern: ImagePattern(entry.pattern), line: index + 1, settings: entry.settings)
        })
}

@Suite("Which rule decides about an image")
struct RuleListTests {
    @Test(
        "the last rule that matches decides, whatever others say",
        arguments: [
            ("vm-1", 1, "slow"), ("vm-2", 2, "fast"), ("vms/vm-2", 2, "fast"), ("vm-scratch", 3, nil),
            ("vms/vm-keep", 5, "exact"), ("other/vm-keep", 4, nil),
        ] as [(String, Int, String?)])
    func lastWins(image: String, line: Int, settings: String?) {
        let list = rules([
            ("*", "slow"), ("vm-2", "fast"), ("vm-scratch*", nil), ("*-keep", nil), ("vms/*-keep", "exact"),
        ])
        let rule = list.deciding(image)
        #expect(rule?.line == line)
        #expect(rule?.settings == settings)
    }

    @Test("an image that no rule matches has no rule, which is not a rule that leaves it out")
    func noRule() {
        #expect(rules([("vm-*", "slow")]).deciding("db-1") == nil)
        #expect(rules([]).deciding("db-1") == nil)
        #expect(rules([("db-*", nil)]).deciding("db-1") != nil)
    }
}

@Suite("Patterns of names")
struct ImagePatternTests {
    @Test(
        "patterns match as in a shell",
        arguments: [
            ("vm-*", "vm-1", true), ("vm-?", "vm-10", false), ("vm-[12]", "vm-2", true), ("*", "", true),
            ("vm-1", "vm-1", true), ("vm", "vm-1", false), ("*", ".hidden", true),
        ])
    func shell(pattern: String, name: String, expected: Bool) {
        #expect(ImagePattern(pattern).matches(name) == expected)
    }

    @Test(
        "a pattern without a slash is matched with the image's own name, in any pool and namespace",
        arguments: [
            ("vm-*", "rbd/vm-1", true), ("vm-*", "vms/tenant-a/vm-1", true), ("vm*", "vms/db-1", false),
            ("tenant-*", "vms/tenant-a/vm-1", false), ("*", "vms/tenant-a/vm-1", true),
        ])
    func ownName(pattern: String, name: String, expected: Bool) {
        #expect(ImagePattern(pattern).matches(name) == expected)
    }

    @Test(
        "a pattern with a slash is matched with the whole name, and a star stays within one part of it",
        arguments: [
            ("rbd/vm-*", "rbd/vm-1", true), ("rbd/*", "rbd/tenant/vm-1", false), ("*/vm-1", "rbd/vm-1", true),
            ("*/vm-1", "rbd/tenant/vm-1", false), ("*/*/vm-1", "rbd/tenant/vm-1", true), ("rbd/vm-1", "vm-1", false),
            ("rbd/*", "rbd2/vm-1", false), ("rbd?vm-1", "rbd/vm-1", false), ("rbd/[!a]*", "rbd/vm-1", true),
        ])
    func wholeName(pattern: String, name: String, expected: Bool) {
        #expect(ImagePattern(pattern).matches(name) == expected)
    }

    @Test(
        "a name that equals the pattern matches, even when the pattern means something else",
        arguments: [
            ("vm[1]", "vm[1]", true), ("vm[1]", "rbd/vm[1]", true), ("vm[1]", "vm1", true),
            ("rbd/vm[1", "rbd/vm[1", true), (#"vm\1"#, #"vm\1"#, true), ("rbd/vm[1]", "other/vm[1]", false),
        ])
    func literal(pattern: String, name: String, expected: Bool) {
        #expect(ImagePattern(pattern).matches(name) == expected)
    }

    @Test("a name with a NUL matches nothing, and another spelling of a letter is another name")
    func bytes() {
        #expect(!ImagePattern("vm-1").matches("vm-1\0x"))
        #expect(!ImagePattern("*").matches("vm\0"))
        #expect(ImagePattern("\u{e9}").matches("\u{e9}"))
        #expect(!ImagePattern("\u{e9}").matches("e\u{301}"))
    }
}
