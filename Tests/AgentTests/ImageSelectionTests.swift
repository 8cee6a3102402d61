import Agent
import AgentConfiguration
import Foundation
import Testing

@Suite("The images of a run")
struct ImageSelectionTests {
    private let names = ["db", "vm-1", "vm-2", "vm-scratch"]
    private let configuration: SenderConfiguration

    init() throws {
        let text = """
            site: a
            store: {directory: {path: /images}}
            tls: {authority: a, certificate: c, key: k}
            peers: [{name: b, address: "h:1", server-name: s}]
            images: [{match: "vm-*"}, {exclude: "vm-scratch*"}]
            """
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("ferry-\(UUID().uuidString).yaml")
        try Data(text.utf8).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        configuration = try SenderConfiguration(file: url.path)
    }

    private func named(_ texts: String...) throws -> [String] {
        try ImageSelection.named(texts, by: configuration, of: names, location: "here")
    }

    @Test("are those that the rules send when none is named")
    func ruled() throws {
        #expect(try ImageSelection.ruled(by: configuration, of: names, location: "here") == ["vm-1", "vm-2"])
        let error = #expect(throws: SelectionError.self) {
            try ImageSelection.ruled(by: configuration, of: ["db"], location: "here")
        }
        #expect(error?.cause == "no image in here matches vm-*")
    }

    @Test("are any of the store when they are named, one that is left out by a rule only exactly")
    func named() throws {
        #expect(try named("db", "vm-*") == ["db", "vm-1", "vm-2"])
        #expect(try named("vm-scratch") == ["vm-scratch"])
        #expect(try named("d?", "vm-1", "vm-1") == ["db", "vm-1"])
    }

    @Test("can't be selected by a text that selects none")
    func nothing() {
        for text in ["x*", "vm-scratch*", "vm-3"] {
            let error = #expect(throws: SelectionError.self) { try named("vm-1", text) }
            #expect(error?.pattern == text && error?.location == "here")
        }
    }
}
