import Foundation
import Testing

extension UsageStage {
    /// Starts a receiver with further lines, such as `block-within: 1s`, and further keys of `tls`.
    func startHostileReceiver(
        clients: String? = nil, tls: String = "", _ lines: String...
    ) async throws -> UsageAgent {
        let text = receiverText(clients: clients).replacing(".key}", with: ".key\(tls)}")
        return try await startReceiver("receiver", text + "\n" + lines.joined(separator: "\n"))
    }

    /// An honest sender syncs a new image, whatever happens beside.
    func expectGoodSync(
        _ name: String, to port: Int, byteCount: Int = 1 << 20, location: SourceLocation = #_sourceLocation
    ) async throws {
        try await makeSource(name, byteCount: byteCount)
        let outcome = try await syncOnce(name, to: port)
        #expect(outcome.status == 0, "\(outcome.errors)", sourceLocation: location)
        try await expectCurrent(name, location: location)
    }

    /// Runs `sync now` without an agent.
    func syncOnce(_ name: String, to port: Int) async throws -> RunningCommand.Outcome {
        let file = try write(
            "once-\(name).yaml",
            senderText("once", to: [port], rules: ["{match: \"*\"}"]))
        return try await RunningCommand(
            FerryBinary.path, ["sync", "now", "--no-agent", "--config", file, prefix + name]
        ).outcome()
    }

    /// What is in the folder of the mirrors, at any depth; and beside it.
    func allPaths() throws -> [String] {
        let mirrors = try FileManager.default.subpathsOfDirectory(atPath: folder)
        return mirrors.filter { $0.hasPrefix("mirror") && !$0.hasSuffix("store.json") }.sorted()
    }

    /// Lines of the receiver's log that hold a text.
    func logLines(of agent: UsageAgent, with text: String) -> [Substring] {
        agent.command.errors.split(separator: "\n").filter { $0.contains(text) }
    }
}

extension PeakMemory {
    /// Memory that a process has resident now, in bytes.
    static func current(of processID: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) << 10
    }
}
