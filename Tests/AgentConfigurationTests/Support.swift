import AgentConfiguration
import Foundation
import Testing

/// Writes `text` to a file of its own for as long as `body` runs.
@discardableResult
func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("ferry-\(UUID().uuidString).yaml")
    try Data(text.utf8).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path)
}

/// Reads a sender's file with this text.
func sender(_ text: String, environment: [String: String] = [:]) throws -> SenderConfiguration {
    try withFile(text) { try SenderConfiguration(file: $0, environment: environment) }
}

/// Reads a receiver's file with this text.
func receiver(_ text: String, environment: [String: String] = [:]) throws -> ReceiverConfiguration {
    try withFile(text) { try ReceiverConfiguration(file: $0, environment: environment) }
}

/// The faults of a sender's file with this text, each as `LINE: PROBLEM`.
func senderFaults(_ text: String) throws -> [String] { try faults { _ = try sender(text) } }

/// The faults of a receiver's file with this text, each as `LINE: PROBLEM`.
func receiverFaults(_ text: String) throws -> [String] { try faults { _ = try receiver(text) } }

private func faults(_ read: () throws -> Void) throws -> [String] {
    do {
        try read()
        return []
    } catch let error as ConfigurationFaults {
        return error.faults.map { "\($0.line): \($0.problem)" }
    }
}

/// Files without faults, to which tests add lines.
enum Sample {
    /// Eight lines, the last of which is an open list of rules.
    static let sender = """
        site: a
        store:
          directory: {path: images}
        tls: {authority: certs/ca.pem, certificate: /c/s.pem, key: /c/s.key}
        peers:
          - {name: b, address: "mirror.example:7440", server-name: receiver.site-b}
          - {name: c, address: "[2001:db8::1]:7440", server-name: receiver.site-c}
        images:

        """
    /// A rule of a single line, to be put behind `sender`.
    static let rule = "  - {match: \"vm-*\"}\n"
    /// Seven lines, the last of which is a client.
    static let receiver = """
        site: b
        store:
          ceph:
            pools: [rbd, vms/tenant-a]
        tls: {authority: certs/ca.pem, certificate: /c/r.pem, key: /c/r.key}
        clients:
          - {identity: sender.site-a, images: ["vm-*", db]}

        """
}
