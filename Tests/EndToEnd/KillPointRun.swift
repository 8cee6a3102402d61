#if DEBUG
import Foundation
import KillPoints
import Testing

/// One kill point, on a stage of its own: the process dies, is started again, and both sides end equal.
struct KillPointRun: Sendable {
    /// What came of it in one phase.
    struct Row: Sendable {
        let name: String
        let phase: String
        var wasKilled = false
        var recovery = "not tried"
        var equality = "not compared"
        var faults: [String] = []

        var line: String {
            [
                name.padding(34), phase.padding(28), (wasKilled ? "killed" : "NOT KILLED").padding(11),
                recovery.padding(20), equality.padding(22), faults.isEmpty ? "clean" : faults.joined(separator: "; "),
            ].joined(separator: " ")
        }
    }

    private static let mebibyte = 1 << 20
    /// Some blocks of an object each, and a checkpoint every quarter of `checkpointMebibytes`.
    private static let byteCount = 8 * mebibyte
    private static let checkpointMebibytes = 4

    let kill: KillCase
    let stage: Stage

    private var mirrorKeep: String { kill.point == .receiverPruned ? "{last: 1}" : "all" }

    /// Dies in every phase of the case, in turn.
    static func run(_ kill: KillCase) async throws -> [Row] {
        var rows: [Row] = []
        try await Stage.with(.clusters) { stage in
            let run = KillPointRun(kill: kill, stage: stage)
            try await stage.makeSource(byteCount: byteCount, options: ["--object-size", "1M"])
            for (number, phase) in kill.phases.enumerated() {
                rows.append(try await run.run(phase, number: number + 1))
            }
        }
        return rows
    }

    private func run(_ phase: KillCase.Phase, number: Int) async throws -> Row {
        var row = Row(name: kill.name, phase: phase.rawValue)
        if phase.isIncrement {
            if number == 1 { _ = try await stage.syncUntilDone(settings: settings()) }
            try await change(seed: 2 * number, grows: true)
        }
        if phase.followsLostOne { try await loseTransfer(seed: 2 * number + 1) }
        if phase.isProof { return try await runProof(row, repairs: phase == .repair) }
        row.wasKilled = kill.isSender ? try await killSender() : try await killReceiver(at: kill.name)
        let began = ContinuousClock.now
        // A sender's death leaves the receiver as it is.
        if !kill.isSender { try await stage.startReceiver(keep: mirrorKeep) }
        let outcome = try await stage.syncUntilDone(settings: settings())
        row.recovery = "status \(outcome.status) in \((ContinuousClock.now - began).components.seconds) s"
        if outcome.status != 0 { row.faults.append(outcome.images.first?.error ?? outcome.errors) }
        try await compare(&row)
        row.faults += try await stage.leftBehind(within: .seconds(45))
        return row
    }

    /// Dies during a proof, or the repair of a difference; afterwards another one finds all equal.
    private func runProof(_ before: Row, repairs: Bool) async throws -> Row {
        var row = before
        try await stage.startReceiver(keep: mirrorKeep)
        _ = try await stage.syncUntilDone(settings: settings())
        let newest = try #require(try await stage.mirrorImage().snapshotNames().last)
        if repairs { try await stage.mirrorImage().damage(at: 5, in: newest) }
        let arguments = repairs ? ["--repair"] : []
        row.wasKilled = try await killVerify(arguments)
        if !kill.isSender { try await stage.startReceiver(keep: mirrorKeep) }
        var outcome = try await stage.startVerify(arguments).outcome()
        try await eventually("a proof ends well", within: .seconds(60)) {
            guard [11, 75].contains(outcome.status) else { return true }
            outcome = try await stage.startVerify(arguments).outcome()
            return outcome.status == 0
        }
        row.recovery = "status \(outcome.status)"
        if outcome.status != 0 { row.faults.append(outcome.errors) }
        let last = try #require(try await stage.mirrorImage().snapshotNames().last)
        let isEqual = try await stage.sourceImage().digest(at: newest) == stage.mirrorImage().digest(at: last)
        row.equality = isEqual ? "\(last.hasSuffix("repaired") ? "the repaired" : "it is") equal" : "NOT EQUAL"
        if !isEqual { row.faults.append("\(last) differs") }
        // A checkpoint that a repair left behind its publication goes with the next transfer.
        if repairs { _ = try await stage.syncUntilDone(settings: settings()) }
        row.faults += try await stage.leftBehind(within: .seconds(45))
        return row
    }

    /// Whether a process died while `verify` ran.
    private func killVerify(_ arguments: [String]) async throws -> Bool {
        if kill.isSender { return try await senderDies { try stage.startVerify(arguments, killAt: kill.name) } }
        return try await receiverDies(at: kill.name) { try stage.startVerify(arguments) }
    }

    /// What the sender is told, with the receiver that runs now.
    private func settings() throws -> SenderSettings {
        let keep = kill.point == .senderPruned ? "{last: 1}" : "all"
        return SenderSettings(
            port: try stage.receiver.port, checkpointMebibytes: Self.checkpointMebibytes,
            more: "images:\n  - {match: \"\(stage.prefix)*\", keep: \(keep)}")
    }

    /// Changes every byte, and the size when it `grows`.
    private func change(seed: Int, grows: Bool) async throws {
        let image = stage.sourceImage()
        if grows { try await image.change(.resize(byteCount: Self.byteCount + seed * 4096)) }
        try await image.change(.write(seed: seed, offset: 0, byteCount: Self.byteCount))
    }

    /// Cuts a transfer in the middle, and deletes its snapshot as an operator might.
    private func loseTransfer(seed: Int) async throws {
        let before = try await stage.sourceImage().snapshotNames()
        #expect(try await killReceiver(at: KillPoint.receiverCheckpointStored.rawValue))
        let image = stage.sourceImage()
        let cluster = try #require(Cluster.first)
        for name in try await image.snapshotNames() where !before.contains(name) {
            try await cluster.rbd("snap", "unprotect", "\(image.spec)@\(name)")
            try await cluster.rbd("snap", "rm", "--no-progress", "\(image.spec)@\(name)")
        }
        try await change(seed: seed, grows: false)
    }

    /// Whether a sync died.
    private func killSender() async throws -> Bool {
        try await senderDies { try stage.startSync(settings: settings(), killAt: kill.name) }
    }

    /// Whether the receiver died while syncs went to it.
    private func killReceiver(at point: String) async throws -> Bool {
        try await receiverDies(at: point) { try stage.startSync(settings: settings()) }
    }

    private func senderDies(_ start: () throws -> RunningCommand) async throws -> Bool {
        try await run(start, while: { true }) == -SIGKILL
    }

    private func receiverDies(at point: String, during start: () throws -> RunningCommand) async throws -> Bool {
        try await stage.startReceiver(keep: mirrorKeep, killAt: point)
        let receiver = try stage.receiver.command
        _ = try await run(start, while: { receiver.isRunning })
        // The sender may have its answer before.
        try? await eventually("the receiver dies", within: .seconds(20)) { !receiver.isRunning }
        return !receiver.isRunning
    }

    /// Runs a command, again and again while it can't begin: an image whose last user died is locked until its cluster
    /// has noticed. Its last status.
    private func run(
        _ start: () throws -> RunningCommand, while isWanted: () -> Bool
    ) async throws -> Int32 {
        let end = ContinuousClock.now + .seconds(60)
        var status: Int32
        repeat {
            status = try await start().outcome().status
        } while [11, 75].contains(status) && isWanted() && ContinuousClock.now < end
        return status
    }

    /// Every snapshot that both sides have is equal, and the newest one holds the source's present bytes.
    private func compare(_ row: inout Row) async throws {
        let (source, mirror) = (stage.sourceImage(), stage.mirrorImage())
        let here = try await source.snapshotNames()
        let common = try await mirror.snapshotNames().filter(here.contains)
        guard let newest = common.last else {
            row.faults.append("nothing is published")
            return
        }
        var unequal: [String] = []
        for name in common where try await source.digest(at: name) != mirror.digest(at: name) { unequal.append(name) }
        if try await source.digest(at: nil) != mirror.digest(at: newest) { unequal.append("the source's head") }
        // What was made and never offered stays until retention takes it, and so does what the mirror's rule removes.
        let unsent = here.count > common.count ? ", \(here.count - common.count) only here" : ""
        row.equality = (unequal.isEmpty ? "\(common.count) equal" : "NOT EQUAL") + unsent
        row.faults += unequal.map { "\($0) differs" }
    }
}

extension String {
    /// With spaces behind it, up to a width.
    fileprivate func padding(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
#endif
