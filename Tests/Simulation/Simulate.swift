import ArgumentParser
import CVirtualTime
import FoundationEssentials
import Glibc

/// Runs the engine's two ends, the planner and stores in memory, with faults and in a time of its own, from seeds.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Runs a sender and a receiver with faults, the same way for the same seed.")

    @Option(help: "How many seeds.")
    var seeds: UInt64 = 1000
    @Option(help: "The first of them.")
    var first: UInt64 = 0
    @Option(help: "Every so many; for several processes that share the seeds.")
    var step: UInt64 = 1
    @Option(help: "Runs this seed only, and tells what happened last if it fails.")
    var seed: UInt64?
    @Option(help: "Takes a guard away: \(Guard.allCases.map(\.rawValue).joined(separator: ", ")).")
    var without: Guard?
    @Flag(help: "Runs each seed twice, and fails unless both runs are the same to the byte.")
    var twice = false
    @Option(help: "Lines of the trace that a single seed tells.")
    var lines = 60

    func run() throws {
        try hashTheSameEveryTime()
        crash_note_install()
        VirtualExecutor.install()
        if let seed { return try runOne(seed) }
        let began = system_time_now()
        var (publishedCount, resumedCount) = (0, 0)
        var proofs = ProofCounts()
        for number in first..<first + seeds where (number - first) % step == 0 {
            let outcome = Run.run(seed: number, without: without)
            publishedCount += outcome.publishedCount
            resumedCount += outcome.resumedCount
            proofs += outcome.proofs
            if let violation = outcome.violation { try fail(number, violation) }
            if twice { try checkSame(number) }
        }
        let seconds = Double(system_time_now() - began) / 1e9
        let seedCount = (seeds + step - 1) / step
        print(
            "\(seedCount) seeds: \(publishedCount) published, \(resumedCount) resumed, \(proofs.damageCount) damages, "
                + "\(proofs.provenCount) proofs of which \(proofs.foundCount) found a difference, "
                + "\(proofs.alarmCount) alarms, \(proofs.repairCount) repairs, in \(Int(seconds)) s")
    }

    /// The order of sets and dictionaries must not differ from process to process.
    private func hashTheSameEveryTime() throws {
        guard getenv("SWIFT_DETERMINISTIC_HASHING") == nil else { return }
        setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
        try becomeAnother(CommandLine.arguments)
    }

    private func becomeAnother(_ arguments: [String]) throws {
        var words = arguments.map { strdup($0) } + [nil]
        execv("/proc/self/exe", &words)
        throw ValidationError("the program can't start itself again")
    }

    private func runOne(_ seed: UInt64) throws {
        Trace.shared.isOn = true
        let outcome = Run.run(seed: seed, without: without)
        for line in Trace.shared.tail(lines) { print(line) }
        print("seed \(seed): \(outcome.jobCount) jobs, digest \(outcome.digest)")
        guard let violation = outcome.violation else { return print("seed \(seed): nothing wrong") }
        print("seed \(seed): \(violation)")
        throw ExitCode(1)
    }

    /// Tells of a failure by running the seed again, in a process of its own: this one has leftovers.
    private func fail(_ seed: UInt64, _ violation: String) throws -> Never {
        let guardArguments = without.map { ["--without", $0.rawValue] } ?? []
        let replay = ["Tests/simulate", "--seed", "\(seed)"] + guardArguments
        print("seed \(seed): \(violation)\nreplay: \(replay.joined(separator: " "))\n")
        fflush(nil)
        try becomeAnother(["simulate"] + replay.dropFirst())
        throw ExitCode(1)
    }

    private func checkSame(_ seed: UInt64) throws {
        Trace.shared.isOn = true
        defer { Trace.shared.isOn = false }
        let outcomes = (0..<2).map { _ in Run.run(seed: seed, without: without) }
        guard outcomes[0] == outcomes[1] else {
            print("seed \(seed) ran differently: \(outcomes)")
            throw ExitCode(1)
        }
    }
}
