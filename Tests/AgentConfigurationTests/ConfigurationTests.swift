import AgentConfiguration
import FerryCore
import Foundation
import Testing

/// Writes `text` to a file of its own for as long as `body` runs.
@discardableResult
private func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("ferry-\(UUID().uuidString).yaml")
    try text.write(to: url, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path)
}

private let tls = "tls: {authority: certs/ca.pem, certificate: /c/s.pem, key: /c/s.key}\n"
private let sender = """
    site: a
    store:
      directory: {path: images}
    peers:
      - {name: b, address: "mirror.example:7440", server-name: receiver.site-b}
    images:
      - match: "vm-*"

    """
private let receiver = """
    site: b
    store:
      ceph: {pool: rbd}
    clients:
      - identity: sender.site-a
        images: ["vm-*", db]

    """

@Suite("A sender's configuration")
struct SenderConfigurationTests {
    private func fault(_ text: String) throws -> ConfigurationError? {
        try withFile(text) { file in
            #expect(throws: ConfigurationError.self) { try SenderConfiguration(file: file) }
        }
    }

    @Test("what is not written has its default, and paths count from the file's folder")
    func defaults() throws {
        try withFile(sender + tls) { file in
            let configuration = try SenderConfiguration(file: file)
            let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
            #expect(configuration.store == .directory(path: "\(folder)/images"))
            #expect(configuration.tls.authority == "\(folder)/certs/ca.pem")
            #expect(configuration.tls.key == "/c/s.key")
            #expect(configuration.peers.map(\.serverName) == ["receiver.site-b"])
            #expect(configuration.peers[0].address.port == 7440)
            #expect(configuration.images == ["vm-*"])
            #expect(configuration.checkpointByteCount == 64 << 20)
            #expect(configuration.mode == .hybrid)
        }
    }

    @Test("an unknown key is an error with its line and the nearest known key")
    func unknownKey() throws {
        let error = try fault(sender.replacingOccurrences(of: "images:", with: "imagse:") + tls)
        #expect(error?.line == 6)
        #expect(error?.problem.contains("imagse") == true)
        #expect(error?.remedy == "did you mean images?")
        #expect(error?.disposition == .usage)
        let nested = try fault(sender.replacingOccurrences(of: "server-name", with: "servername") + tls)
        #expect(nested?.line == 5)
    }

    @Test("a missing key, a wrong value and a wrong shape are errors with their line")
    func faults() throws {
        #expect(try fault(sender)?.problem == "the file has no key tls")
        #expect(try fault(sender + tls + "checkpoint-mib: many\n")?.line == 9)
        #expect(try fault(sender + tls + "checkpoint-mib: 3\n")?.problem.contains("from 4 to 4096") == true)
        #expect(try fault(sender + tls + "diff: fast\n")?.problem.contains("hybrid, exact") == true)
        #expect(try fault(sender.replacingOccurrences(of: "mirror.example:7440", with: "mirror") + tls)?.line == 5)
        #expect(try fault("- a\n")?.line == 1)
        #expect(try fault("a: [\n")?.problem.hasPrefix("not YAML") == true)
        #expect(try fault("")?.problem == "is empty")
    }

    @Test("a store is one of the two kinds")
    func store() throws {
        let both = sender.replacingOccurrences(of: "store:\n", with: "store:\n  ceph: {pool: rbd}\n")
        #expect(try fault(both + tls)?.remedy == "keep one of the two")
    }

    @Test("a file that is not there is named")
    func missingFile() {
        let error = #expect(throws: ConfigurationError.self) { try SenderConfiguration(file: "/nowhere/s.yaml") }
        #expect(error?.cause.hasPrefix("/nowhere/s.yaml: can't be read") == true)
    }

    @Test("two peers can't have one name, for state is kept under it")
    func peerNames() throws {
        let twice = sender.replacingOccurrences(
            of: "images:", with: "  - {name: b, address: \"c:1\", server-name: x}\nimages:")
        #expect(try fault(twice + tls)?.problem == "two peers have the same name")
    }
}

@Suite("A receiver's configuration")
struct ReceiverConfigurationTests {
    @Test("what is not written has its default")
    func defaults() throws {
        try withFile(receiver + tls) { file in
            let configuration = try ReceiverConfiguration(file: file)
            #expect(configuration.listen.description == "127.0.0.1:7440")
            #expect(
                configuration.store
                    == .ceph(
                        conf: "/etc/ceph/ceph.conf", user: "rbd-ferry", pool: "rbd", namespace: nil, dataPool: nil))
            #expect(configuration.clients.map(\.identity) == ["sender.site-a"])
            #expect(configuration.clients[0].images.map(\.text) == ["vm-*", "db"])
            #expect(configuration.clients[0].prefix == "")
            #expect(configuration.connectionCountMax == 64)
        }
    }

    @Test("a receiver without clients is of no use")
    func noClients() throws {
        let text = receiver.components(separatedBy: "clients:")[0]
        try withFile(text + tls) { file in
            #expect(throws: ConfigurationError.self) { try ReceiverConfiguration(file: file) }
        }
    }
}

@Suite("README")
struct ReadmeTests {
    /// The YAML blocks of README, in order.
    private func samples() throws -> [String] {
        let readme = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("README.md")
        let text = try String(contentsOf: readme, encoding: .utf8)
        return text.components(separatedBy: "```yaml\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
    }

    @Test("its sample configurations are accepted")
    func accepted() throws {
        let samples = try samples()
        try #require(samples.count == 2)
        try withFile(samples[0]) { file in
            let configuration = try ReceiverConfiguration(file: file)
            #expect(configuration.clients[0].identity == "sender.site-a")
        }
        try withFile(samples[1]) { file in
            let configuration = try SenderConfiguration(file: file)
            #expect(configuration.images == ["vm-1"])
        }
    }
}
