import AgentConfiguration
import Control
import Foundation
import Reporting
import Synchronization
import TestCertificates
import Testing

/// Two sites at which agents run for a while, as an operator sets them up.
final class UsageStage: Sendable {
    let source: Place
    let mirror: Place
    let folder: String
    let certificates: CertificateFolder
    /// Every image of the test is named so at its front; they are removed at its end.
    let prefix = "usage-" + String(UInt32.random(in: .min ... .max), radix: 36) + "-"
    private let agents = Mutex<[UsageAgent]>([])

    private init(folder: String, source: Place, mirror: Place) throws {
        self.folder = folder
        self.source = source
        self.mirror = mirror
        certificates = try CertificateFolder()
    }

    /// Sets a stage; afterwards ends the agents that were started on it, and takes everything away.
    static func with(_ kind: StageKind = .directories, _ body: (UsageStage) async throws -> Void) async throws {
        // The path of a control socket must be short.
        let folder = "/tmp/ferry-usage-\(UInt32.random(in: .min ... .max))"
        for part in ["source", "mirror"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
        }
        let source = kind == .clusters ? Place.ceph(try #require(Cluster.first)) : .directory("\(folder)/source")
        let mirror = kind == .clusters ? Place.ceph(try #require(Cluster.second)) : .directory("\(folder)/mirror")
        let stage = try UsageStage(folder: folder, source: source, mirror: mirror)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(stage))
        } catch {
            result = .failure(error)
            for agent in stage.agents.withLock({ $0 }) { print("\(agent.file):\n\(agent.command.errors)") }
        }
        await stage.stopAgents()
        try FileManager.default.removeItem(atPath: folder)
        for place in [source, mirror] { try await place.removeImages(prefix: stage.prefix) }
        try result.get()
    }

    /// An image on the source's side.
    func sourceImage(_ name: String = "vm") -> SiteImage { source.image(prefix + name) }

    /// An image on the mirror's side.
    func mirrorImage(_ name: String = "vm") -> SiteImage { mirror.image(prefix + name) }

    /// Makes a source image, full of random bytes.
    @discardableResult
    func makeSource(_ name: String = "vm", byteCount: Int = 1 << 20) async throws -> SiteImage {
        let image = sourceImage(name)
        try await image.create(byteCount: byteCount)
        try await image.change(.write(seed: 1, offset: 0, byteCount: byteCount))
        return image
    }

    /// A mirror's snapshots are so many or more, and each equals the source's while that has it; the newest both have.
    func expectMirrored(
        _ name: String = "vm", countMin: Int = 1, location: SourceLocation = #_sourceLocation
    ) async throws {
        let names = try await mirrorImage(name).snapshotNames()
        #expect(names.count >= countMin, sourceLocation: location)
        let present = try await sourceImage(name).snapshotNames()
        #expect(!Set(names).isDisjoint(with: present), sourceLocation: location)
        for snapshot in names where present.contains(snapshot) {
            let here = try await sourceImage(name).digest(at: snapshot)
            let there = try await mirrorImage(name).digest(at: snapshot)
            #expect(here == there, "\(snapshot) differs", sourceLocation: location)
        }
    }

    /// The newest snapshot of the mirror equals the source's head.
    func expectCurrent(_ name: String = "vm", location: SourceLocation = #_sourceLocation) async throws {
        let newest = try await mirrorImage(name).snapshotNames().last
        let snapshot = try #require(newest, "nothing is on the mirror", sourceLocation: location)
        let here = try await sourceImage(name).digest(at: nil)
        let there = try await mirrorImage(name).digest(at: snapshot)
        #expect(here == there, "the mirror is not current", sourceLocation: location)
    }

    /// Writes a file into the stage's folder; its path.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        return "\(folder)/\(name)"
    }
}

// MARK: Agents

extension UsageStage {
    /// Ends all agents: with leave where they take it, so that they leave no watches on images.
    func stopAgents() async {
        let agents = agents.withLock { $0 }
        for agent in agents { agent.command.signal(SIGCONT) }
        for agent in agents { agent.command.signal(SIGTERM) }
        for agent in agents {
            let end = ContinuousClock.now + .seconds(5)
            while agent.command.isRunning, ContinuousClock.now < end {
                // Cancelling ends the pause, and then the agent.
                guard (try? await Task.sleep(for: .milliseconds(10))) != nil else { break }
            }
            await agent.command.killNow()
        }
    }

    /// The lines of a configuration that name certificate and key.
    private func tls(_ side: String) -> String {
        "tls: {authority: \(certificates.file("ca.pem")), certificate: \(certificates.file("\(side).pem")), "
            + "key: \(certificates.file("\(side).key"))}"
    }

    /// A receiver's configuration.
    func receiverText(
        _ name: String = "receiver", store: String? = nil, clients: String? = nil, port: Int = 0
    ) -> String {
        """
        site: b
        listen: 127.0.0.1:\(port)
        store:
          \(store ?? mirror.configuration)
        \(tls("receiver"))
        control: \(folder)/\(name).sock
        status-listen: 127.0.0.1:0
        clients:
          - \(clients ?? #"{identity: sender.site-a, images: ["*"]}"#)
        """
    }

    /// A sender's configuration. `rules` are the lines under `images:`; `ports` those of its peers b, c, ...
    func senderText(
        _ name: String = "sender", store: String? = nil, to ports: [Int], rules: [String], more: String = ""
    ) -> String {
        let peers = zip("bcdef", ports).map { name, port in
            "  - {name: \(name), address: \"127.0.0.1:\(port)\", server-name: receiver.site-b}"
        }
        return """
            site: a
            store:
              \(store ?? source.configuration)
            \(tls("sender"))
            peers:
            \(peers.joined(separator: "\n"))
            control: \(folder)/\(name).sock
            status-listen: 127.0.0.1:0
            scan-every: 1s
            images:
            \(rules.map { "  - \($0)" }.joined(separator: "\n"))
            \(more)
            """
    }

    /// Starts a receiver and waits until it listens.
    @discardableResult
    func startReceiver(_ name: String = "receiver", _ text: String? = nil) async throws -> UsageAgent {
        try await start(["receiver"], name, text ?? receiverText(name), until: "listening on ")
    }

    /// Starts a sender and waits until it has looked through its store.
    @discardableResult
    func startSender(
        _ text: String, as name: String = "sender", environment: [String] = []
    ) async throws -> UsageAgent {
        try await start(["sender"], name, text, environment: environment, until: "sending from ")
    }

    private func start(
        _ words: [String], _ name: String, _ text: String, environment: [String] = [], until sign: String
    ) async throws -> UsageAgent {
        let file = try write("\(name).yaml", text)
        // env becomes the agent, so that signals reach it.
        let command = try RunningCommand(
            "env", environment + [FerryBinary.path] + words + ["--config", file], secondsMax: 170)
        let agent = UsageAgent(command: command, file: file, socketPath: "\(folder)/\(name).sock")
        agents.withLock { $0.append(agent) }
        try await eventually("the \(words[0]) runs") {
            guard command.isRunning else { throw NeverHappened(description: "no agent: \(command.errors)") }
            return command.errors.contains(sign)
        }
        return agent
    }
}

/// An agent that was started.
struct UsageAgent: Sendable {
    let command: RunningCommand
    let file: String
    let socketPath: String

    /// Where a receiver listens; 0 before it does.
    var port: Int { number(after: "listening on 127.0.0.1:") }
    /// Where its status is served by TCP; 0 before it is.
    var statusPort: Int { number(after: "status and metrics on port ") }

    private func number(after text: String) -> Int {
        guard let found = command.errors.range(of: text) else { return 0 }
        return Int(command.errors[found.upperBound...].prefix { $0.isNumber }) ?? 0
    }

    /// How it is.
    func status(_ patterns: String...) async throws -> AgentStatus {
        try await ControlClient(socketPath: socketPath).status(patterns)
    }

    /// How an image is; nil when it does not know the image.
    func image(_ name: String, peer: String? = nil) async throws -> ImageStatus? {
        try await status().images.first { $0.image == name && (peer == nil || $0.peer == peer) }
    }

    /// Starts `sync now --json`.
    func startSync(_ arguments: String...) throws -> RunningCommand {
        try RunningCommand(FerryBinary.path, ["sync", "now", "--json", "--config", file] + arguments)
    }

    /// Runs `sync now --json` to its end.
    func sync(_ arguments: String...) async throws -> UsageSync {
        let words = ["sync", "now", "--json", "--config", file] + arguments
        return try UsageSync(try await RunningCommand(FerryBinary.path, words).outcome())
    }

    /// Waits for a line of its log.
    func waitForLog(_ text: String, within limit: Duration = .seconds(20)) async throws {
        try await eventually("the log says '\(text)'; it says:\n\(command.errors)", within: limit) {
            command.errors.contains(text)
        }
    }

    /// What curl gets from its TCP address: the body, and the status code on a last line.
    func get(_ path: String, _ options: String...) async throws -> (code: String, body: String) {
        let url = "http://127.0.0.1:\(statusPort)\(path)"
        let output = try await RunningCommand.run("curl", ["-sS", "-w", "\n%{http_code}"] + options + [url])
        let end = output.lastIndex(of: "\n") ?? output.startIndex
        return (String(output[end...].dropFirst()), String(output[..<end]))
    }
}

/// How a `sync now --json` ended that asked an agent, or did it itself.
struct UsageSync: Sendable {
    private struct Document: Decodable { var images: [Entry] }
    struct Entry: Decodable, Sendable {
        var image: String
        var peer: String?
        var result: String
        var wasJoined: Bool?
        var snapshot: String?
        var sentBytes: Int?
        var error: String?
        var remedy: String?
    }
    let status: Int32
    let errors: String
    let images: [Entry]

    init(_ outcome: RunningCommand.Outcome) throws {
        status = outcome.status
        errors = outcome.errors
        guard !outcome.output.isEmpty else {
            images = []
            return
        }
        images = try JSONDocument.decode(Document.self, from: outcome.output.utf8).images
    }
}

extension UsageAgent {
    /// Asks it for runs through its socket, and waits for them.
    func askForRun() async throws -> [SyncReply] {
        try await ControlClient(socketPath: socketPath).sync(
            SyncRequest(images: []), isWaiting: true, timeout: .seconds(60))
    }
}
