import Planning
import Testing

@testable import Engine

@Suite("Where a client's mirrors go")
struct ClientPolicyTests {
    private func name(
        _ image: String, prefix: String = "", place: String? = nil, places: [String]? = nil
    ) throws -> String {
        let rule = ClientPolicy.Rule(identity: "a", images: [ImagePattern("*")], prefix: prefix, place: place)
        return try ClientPolicy(rules: [rule], places: places).mirrorName(of: image, under: rule)
    }

    @Test("in a store without places, an image's own name counts, whatever pool it has at the sender")
    func unqualified() throws {
        #expect(try name("vm") == "vm")
        #expect(try name("vms/tenant/vm", prefix: "a-") == "a-vm")
    }

    @Test("in a store with places, they go to the client's, or to the one that the sender says")
    func qualified() throws {
        let places = ["rbd", "vms/tenant"]
        #expect(try name("vms/tenant/vm", places: places) == "vms/tenant/vm")
        #expect(try name("other/vm", prefix: "a-", place: "rbd", places: places) == "rbd/a-vm")
        #expect(throws: EngineError.unknownPlace("other", image: "other/vm", known: places)) {
            try name("other/vm", places: places)
        }
        #expect(throws: EngineError.unknownPlace("", image: "vm", known: places)) { try name("vm", places: places) }
    }

    @Test("a slash with an accent behind it is a slash still: nobody leaves his namespace with it")
    func combining() throws {
        let places = ["vms", "vms/tenant"]
        #expect(try name("\u{301}x", place: "vms/tenant", places: places) == "vms/tenant/\u{301}x")
        #expect(try name("vms/tenant/\u{301}x", places: places) == "vms/tenant/\u{301}x")
        #expect(throws: EngineError.self) { try name("vms/\u{301}tenant/x", places: places) }
    }

    @Test(
        "a name with control characters is refused, in whatever language it is written otherwise",
        arguments: ["a\u{1B}[2J", "a\nb", "a\u{9B}1m", "\u{7F}", "a\u{202E}b", "a\u{2028}b", "a\tb", "\0"])
    func control(image: String) throws {
        #expect(throws: EngineError.unusableName(image)) { try name(image) }
        for image in ["日本語 🚢", "größe", "👩‍🚀"] { #expect(try name(image) == image) }
    }

    @Test("an image's own name is what counts, however much stands before it, and it can't leave its place")
    func elsewhere() throws {
        let places = ["rbd"]
        for image in ["../x", "/etc/x", "a/../../x", "rbd/../x"] {
            #expect(try name(image, prefix: "a-") == "a-x")
            #expect(try name(image, prefix: "a-", place: "rbd", places: places) == "rbd/a-x")
            #expect(throws: EngineError.self) { try name(image, prefix: "a-", places: places) }
        }
        #expect(try name("x/..", prefix: "a-", place: "rbd", places: places) == "rbd/a-..")
    }

    @Test("which client a mirror belongs to is found by the sender's name of the image")
    func client() {
        let rules = [
            ClientPolicy.Rule(identity: "a", images: [ImagePattern("vm-*")], prefix: "a-"),
            ClientPolicy.Rule(identity: "b", images: [ImagePattern("vm-*")], prefix: ""),
        ]
        let policy = ClientPolicy(rules: rules)
        #expect(policy.client(ofMirror: "a-vm-1", source: "vm-1") == "a")
        #expect(policy.client(ofMirror: "vm-1", source: "vm-1") == "b")
        #expect(policy.client(ofMirror: "db", source: "db") == nil)
    }
}
