import Agent
import AgentConfiguration
import ArgumentParser
import FerryCore
import ImageStore
import Planning

/// `rbd-ferry verify`
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Proves that mirrors equal their sources, and mends those that do not.",
        discussion: """
            Both sides read a snapshot of their own, and compare digests of what they read; no data travels. Without \
            @SNAP the newest snapshot that both sides hold is compared, or the one that a proof which was cut is about. \
            Syncs go on beside it.

            A proof that was cut, by whatever, goes on where it stopped when the same is asked for again.

            A difference raises an alarm, at both sides, which stays until --repair has mended it, or --clear-alarm. \
            --repair sends what differs of the newest snapshot as a new one beside it, and proves that; what is \
            published is never changed.

            Exit codes: 0 all that was compared is equal, or was mended and proven, 1 failed for good, 2 usage or \
            configuration, 3 some images could be compared and some not, 4 something differs, 5 refused for safety, 11 \
            locked, 12 not authenticated or not authorised, 75 temporary (run again), 124 timed out (goes on where it \
            stopped), 130/143 interrupted (goes on where it stopped).
            """)

    @Argument(help: "Images by name or pattern, each with @SNAP or without; without any, all that the rules name.")
    var images: [String] = []

    @OptionGroup var options: PassOptions

    @Flag(name: .long, help: "Compare what changed since the last proof or sync, and a random sample of the rest.")
    var changed = false

    @Option(name: .long, help: "With --changed: how much of the rest is compared, such as 5% (default 1%).")
    var sample: String?

    @Option(name: .long, help: "Compare one of several slices, such as 3/7: all seven together compare everything.")
    var slice: String?

    @Option(name: .long, help: "Compare so much of the image, drawn at random, such as 10%.")
    var percent: String?

    @Option(name: .long, help: "End after so long, such as 2h; the next time it goes on there. That is no failure.")
    var maxTime: String?

    @Flag(name: .long, help: "Send what differs as a new snapshot, and prove that one.")
    var repair = false

    @Flag(name: .long, help: "Begin anew instead of going on with a proof that was cut.")
    var anew = false

    @Flag(name: .long, help: "Compare nothing, and end the alarm: you know that the mirrors are well.")
    var clearAlarm = false

    func validate() throws {
        guard [changed, slice != nil, percent != nil].count(where: \.self) <= 1 else {
            throw ValidationError("--changed, --slice and --percent go one at a time")
        }
        guard sample == nil || changed else { throw ValidationError("--sample goes with --changed") }
        let compares = changed || slice != nil || percent != nil || maxTime != nil || repair || anew
        guard !clearAlarm || !compares else { throw ValidationError("--clear-alarm compares nothing: it goes alone") }
        for text in images where text.hasPrefix("@") || text.hasSuffix("@") {
            throw ValidationError("\(text.printable): an image, or IMAGE@SNAP")
        }
        _ = try request()
    }

    func run() async throws {
        let configuration = try options.configuration()
        let peers = try options.selectedPeers(configuration)
        try options.checkSelection(images, configuration)
        let request = try request()
        try await withTimeout(options.timeout) { try await verify(configuration, peers, request) }
    }

    private func request() throws -> ProofRun.Request {
        var request = ProofRun.Request(scope: try scope())
        request.timeMax = try parse(maxTime, "--max-time") { .seconds(try TimeSpan($0).seconds) }
        request.repairs = repair
        request.startsAnew = anew
        request.clearsAlarm = clearAlarm
        return request
    }

    private func scope() throws -> ProofScope {
        if let slice { return try Self.slice(slice) }
        if let percent = try parse(percent, "--percent", { try Percentage($0).value }) {
            guard percent > 0 else { throw ValidationError("--percent: nothing would be compared") }
            return .percent(percent)
        }
        let sample = try parse(sample, "--sample") { try Percentage($0) } ?? ProofPolicy.usualSample
        return changed ? .changed(samplePercent: sample.value) : .full
    }

    private static let sliceCountMax = 10_000

    private static func slice(_ text: String) throws -> ProofScope {
        let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count == 2, let number = numbers[0], let count = numbers[1],
            (1...sliceCountMax).contains(count), (1...count).contains(number)
        else { throw ValidationError("--slice takes a slice and how many there are, such as 3/7") }
        return .slice(number, of: count)
    }

    /// An option's value; nil when it was not given.
    private func parse<Value>(_ text: String?, _ option: String, _ read: (String) throws -> Value) throws -> Value? {
        do {
            return try text.map(read)
        } catch let error as ScheduleError {
            throw ValidationError("\(option): \(error.problem.printable): \(error.remedy.printable)")
        }
    }

    private func verify(
        _ configuration: SenderConfiguration, _ peers: [SenderConfiguration.Peer], _ request: ProofRun.Request
    ) async throws {
        try await options.withStore(configuration) { store, watch in
            var request = request
            let selection = try await selection(configuration, store)
            request.snapshots = selection.compactMapValues(\.self)
            let names = selection.keys.sorted()
            let run = try ProofRun(
                configuration: configuration, store: store, request: request,
                parallelCount: options.parallel ?? configuration.parallelCount, logger: PassOptions.logger)
            watch.follow { run.activities.signs }
            let count = peers.map { peer in names.count { configuration.sends($0, to: peer) } }.reduce(0, +)
            let outcomes = await options.withProgress(of: count, activities: { run.activities }) { ended in
                await run.run(images: names, peers: peers) { outcome in
                    ended { VerifyReport.print(outcome, isQuiet: options.quiet, withPeer: peers.count > 1) }
                }
            }
            if options.json { print(try VerifyReport.json(outcomes)) }
            try VerifyReport.checkStatus(outcomes)
        }
    }

    /// The images, each with the snapshot that was named; nil: the newest.
    private func selection(
        _ configuration: SenderConfiguration, _ store: any ImageStore
    ) async throws -> [String: String?] {
        let names = try await store.imageNames()
        guard !images.isEmpty else {
            let ruled = try ImageSelection.ruled(by: configuration, of: names, location: store.location)
            return Dictionary(uniqueKeysWithValues: ruled.map { ($0, nil) })
        }
        var selection: [String: String?] = [:]
        for text in images {
            let (pattern, snapshot) = names.contains(text) ? (text, nil) : Self.split(text)
            let selected = try ImageSelection.named(
                [pattern], by: configuration, of: names, location: store.location)
            for name in selected {
                if let other = selection.updateValue(snapshot, forKey: name), other != snapshot {
                    throw TwoSnapshots(image: name)
                }
            }
        }
        return selection
    }

    /// An image or a pattern, and the snapshot that is named behind it.
    private static func split(_ text: String) -> (image: String, snapshot: String?) {
        guard let sign = text.firstIndex(of: "@") else { return (text, nil) }
        return (String(text[..<sign]), String(text[text.index(after: sign)...]))
    }
}

/// An image is named twice, with different snapshots.
private struct TwoSnapshots: Failure {
    let image: String

    var disposition: Disposition { .usage }
    var cause: String { "\(image.printable) is named with two snapshots" }
    var remedy: String { "compare one after the other" }
}
