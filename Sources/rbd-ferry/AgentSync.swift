import Control
import FerryCore
import Reporting

/// Asks the agent that runs here for syncs.
struct AgentSync {
    let socketPath: String
    let request: SyncRequest
    let isWaiting: Bool
    let timeout: Duration?

    /// Whether an agent answers.
    static func isThere(_ socketPath: String) async throws -> Bool {
        do {
            _ = try await ControlClient(socketPath: socketPath).status([])
            return true
        } catch {
            guard case .noAgent = error else { throw error }
            return false
        }
    }

    /// What the agent said; nil when none is there.
    func run() async throws -> [SyncReply]? {
        let client = ControlClient(socketPath: socketPath)
        do {
            return try await client.sync(
                request, isWaiting: isWaiting, timeout: timeout ?? (isWaiting ? nil : .seconds(60)))
        } catch {
            guard case .noAgent = error else { throw error }
            return nil
        }
    }
}

/// What `sync now` says about the agent's runs.
struct AgentSyncReport {
    private let replies: [SyncReply]

    /// A report of what the agent said.
    init(_ replies: [SyncReply]) {
        self.replies = replies
    }

    /// Prints it, and throws the exit status that goes with it.
    func finish(asJSON: Bool, isQuiet: Bool, withTiming: Bool) throws {
        if asJSON {
            print(try JSONDocument.text(Document(images: replies.map(Entry.init))))
        } else {
            for reply in replies {
                tell(reply, isQuiet: isQuiet)
                if withTiming { tellTiming(reply, isQuiet: isQuiet) }
            }
        }
        let failures = replies.compactMap { reply in
            reply.outcome?.error.map { Disposition(rawValue: $0.disposition) ?? .permanent }
        }
        try ExitStatus.check(failures, of: replies.count)
    }

    private func tell(_ reply: SyncReply, isQuiet: Bool) {
        let name = "\(reply.image) to \(reply.peer)"
        guard let outcome = reply.outcome else {
            if !isQuiet { print("\(name): \(reply.wasJoined ? "a run is under way" : "the agent begins now")") }
            return
        }
        if let error = outcome.error {
            writeToStandardError("\(name): \(error.cause)")
            if !error.remedy.isEmpty { writeToStandardError("  \(error.remedy)") }
        } else if !isQuiet {
            print(
                "\(name): \(outcome.snapshot ?? "nothing") is on the mirror: read \(Quantity.bytes(outcome.readBytes)), "
                    + "sent \(Quantity.bytes(outcome.sentBytes)), "
                    + "\(Quantity.seconds(.milliseconds(outcome.durationMs))) s\(reply.wasJoined ? " (joined)" : "")")
        }
    }

    private func tellTiming(_ reply: SyncReply, isQuiet: Bool) {
        if let timing = reply.outcome?.timing {
            SyncReport.printTiming(timing, under: isQuiet ? "\(reply.image) to \(reply.peer)" : nil)
        } else if reply.outcome?.error == nil {
            print("  no times: nothing had to be sent")
        }
    }

    private struct Document: Encodable {
        let images: [Entry]
    }

    /// The names are those of a sync that the command does itself.
    private struct Entry: Encodable {
        var image: String
        var peer: String
        var result: String
        var wasJoined: Bool
        var durationMs: Int64?
        var snapshot: String?
        var readBytes: UInt64?
        var sentBytes: UInt64?
        var stages: StageTimes?
        var bottleneck: Bottleneck?
        var error: String?
        var remedy: String?

        init(_ reply: SyncReply) {
            image = reply.image
            peer = reply.peer
            wasJoined = reply.wasJoined
            let outcome = reply.outcome
            result = outcome.map { $0.error?.disposition ?? "published" } ?? "requested"
            durationMs = outcome?.durationMs
            snapshot = outcome?.snapshot
            readBytes = outcome?.readBytes
            sentBytes = outcome?.sentBytes
            stages = outcome?.timing?.stages
            bottleneck = outcome?.timing?.bottleneck
            error = outcome?.error?.cause
            remedy = outcome?.error?.remedy
        }
    }
}
