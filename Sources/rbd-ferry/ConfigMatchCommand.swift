import Agent
import AgentConfiguration
import ArgumentParser
import FerryCore
import Planning
import Reporting
import Threading

/// `rbd-ferry config match`
struct ConfigMatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "match", abstract: "Tells which line of a sender's configuration decides about images.",
        discussion: "The last rule whose pattern matches an image decides. The store is asked only when none is named.")

    @Argument(help: "A sender's configuration file.")
    var file: String

    @Argument(help: "Images by name, which need not exist; without any, all of the store.")
    var images: [String] = []

    @Flag(name: .long, help: "Print one JSON document instead of lines.")
    var json = false

    func run() async throws {
        guard case .sender(let configuration) = try AgentConfigurationFile(file: file) else {
            throw ConfigurationError(
                file: file, line: 0, problem: "is a receiver's configuration",
                remedy: "name a sender's; it has the rules")
        }
        let names = images.isEmpty ? try await storedImages(configuration) : images
        let decisions = names.map { Decision(image: $0, file: file, rule: configuration.rules.deciding($0)) }
        let output = StandardOutput(BlockingThreads(count: 1))
        try await output.write(json ? try JSONDocument.text(Document(decisions)) + "\n" : Self.table(decisions))
        try await output.flush()
    }

    private func storedImages(_ configuration: SenderConfiguration) async throws -> [String] {
        let store = try await configuration.store.open()
        do {
            let names = try await store.imageNames()
            await store.close()
            return names.sorted()
        } catch {
            await store.close()
            throw error
        }
    }

    /// A line an image, the columns one under the other.
    private static func table(_ decisions: [Decision]) -> String {
        let rows = decisions.map { $0.columns.map(\.printable) }
        let widths = (0..<3).map { column in
            rows.map { $0.count > column + 1 ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, text in
                column + 1 == row.count ? text : text + spaces(max(0, widths[min(column, 2)] - text.count))
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }

    private static func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }
}

/// What decides about an image.
private struct Decision {
    let image: String
    let file: String
    let rule: RuleList<ImageSettings>.Rule?

    /// For people: the image, the line, the pattern, and what follows from it.
    var columns: [String] {
        guard let rule else { return [image, "no rule matches"] }
        let place = "\(file):\(rule.line)"
        guard let settings = rule.settings else { return [image, place, "exclude \(rule.pattern)"] }
        let peers = settings.peers.joined(separator: ", ")
        let verify = settings.verify.provesByItself ? "; verify \(settings.verifyText)" : ""
        return [
            image, place, "match \(rule.pattern)",
            "\(settings.scheduleText); to \(peers); keep \(settings.keepText)"
                + (settings.diffText.map { "; \($0)" } ?? "") + verify,
        ]
    }
}

/// What `--json` prints.
private struct Document: Encodable {
    struct Image: Encodable {
        let image: String
        let decidedBy: String
        let file: String?
        let line: Int?
        let pattern: String?
        let schedule: ScheduleEntry?
        let peers: [String]?
        let keep: KeepEntry?
        let diff: String?
        let onLostBase: String?
        let verify: VerifyEntry?
    }
    struct ScheduleEntry: Encodable {
        var everySeconds: Int64?
        var at: [String]?
    }
    struct KeepEntry: Encodable {
        var all: Bool
        var last, hourly, daily, weekly, monthly: Int?
        var also: [String]?
    }
    struct VerifyEntry: Encodable {
        var afterSync: String
        var fullEverySeconds: Int64?
        var samplePercent: Double
    }
    let images: [Image]

    init(_ decisions: [Decision]) {
        images = decisions.map { decision in
            let rule = decision.rule
            return Image(
                image: decision.image, decidedBy: rule.map { $0.settings == nil ? "exclude" : "match" } ?? "nothing",
                file: rule.map { _ in decision.file }, line: rule?.line, pattern: rule?.pattern.text,
                schedule: rule?.settings?.schedule.map(ScheduleEntry.init), peers: rule?.settings?.peers,
                keep: rule?.settings.map { KeepEntry($0.keep) }, diff: rule?.settings?.mode.rawValue,
                onLostBase: rule?.settings?.onLostBase.rawValue, verify: rule?.settings.map { VerifyEntry($0.verify) })
        }
    }
}

extension Document.ScheduleEntry {
    init(_ schedule: Schedule) {
        switch schedule {
        case .every(let seconds): everySeconds = seconds
        case .at(let events): at = events.map(\.text)
        }
    }
}

extension Document.VerifyEntry {
    init(_ policy: ProofPolicy) {
        self.init(
            afterSync: policy.afterSync.rawValue, fullEverySeconds: policy.fullEvery?.seconds,
            samplePercent: policy.sample.value)
    }
}

extension Document.KeepEntry {
    init(_ retention: Retention) {
        guard case .rules(let rules) = retention else {
            all = true
            return
        }
        all = false
        (last, hourly, daily) = (rules.last, rules.hourly, rules.daily)
        (weekly, monthly) = (rules.weekly, rules.monthly)
        also = rules.also.map(\.text)
    }
}
