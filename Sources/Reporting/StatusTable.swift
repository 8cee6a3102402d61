import FerryCore
import FoundationEssentials

/// A status as people read it, on a terminal or in a pipe: a line on the agent, a table of the images, and what is
/// wrong. Plain text without colours; what peers and names say can't move the cursor.
public enum StatusTable {
    /// The lines. Times are relative to when the status was written.
    public static func lines(_ status: AgentStatus) -> [String] {
        var lines = [header(status)]
        lines += status.problems.map { "problem: \($0.printable)" }
        lines += status.warnings.map { "warning: \($0.printable)" }
        if let limits = status.limits.flatMap({ limits($0, now: status.now) }) { lines.append(limits) }
        lines += clientLines(status.clients ?? [])
        guard !status.images.isEmpty else { return lines + ["no images"] }
        lines += [""] + table(status).lines
        let troubles = status.images.flatMap { remarks($0, now: status.now) }
        return troubles.isEmpty ? lines : lines + [""] + troubles
    }

    private static func header(_ status: AgentStatus) -> String {
        let problems =
            switch status.problems.count {
            case 0: "healthy"
            case 1: "1 problem"
            case let count: "\(count) problems"
            }
        let images = status.images.isEmpty ? "" : ", \(status.imageCount) (\(status.imageStates))"
        let uptime = Quantity.span(status.now.timeIntervalSince(status.startedAt))
        return "\(status.role.rawValue) at site \(status.site.printable): \(problems)\(images), "
            + "up \(uptime), rbd-ferry \(status.version.printable)"
    }

    /// `limits: total 20.0 MiB/s (now 19.8 MiB/s, changes in 3h 2m), b 5.0 MiB/s (now 0 B/s)`; nil without any.
    private static func limits(_ limits: LimitsStatus, now: Date) -> String? {
        let named = [("total", limits.total), ("reads", limits.reads)] + limits.peers.map { ($0.peer ?? "", $0) }
        let parts = named.compactMap { name, limit -> String? in
            guard limit.limitBytesPerSecond != nil || limit.nextChangeAt != nil else { return nil }
            let rate = limit.limitBytesPerSecond.map { Quantity.rate(Double($0)) } ?? "none"
            let change = limit.nextChangeAt.map { ", changes \(until($0, now: now))" } ?? ""
            return "\(name.printable) \(rate) (now \(Quantity.rate(limit.bytesPerSecond))\(change))"
        }
        return parts.isEmpty ? nil : "limits: \(parts.joined(separator: ", "))"
    }

    private static func table(_ status: AgentStatus) -> TextTable {
        var table = TextTable(["IMAGE", "PEER", "STATE", "LAG", "PUBLISHED", "PROVEN", "PROGRESS", "NEXT RUN"])
        for image in status.images {
            table.add([
                image.image.printable, image.peer.printable, state(image), lag(image),
                published(image.lastPublished, now: status.now), proof(image, now: status.now),
                image.progress.map(progress) ?? "",
                image.nextRunAt.map { until($0, now: status.now) } ?? "",
            ])
        }
        return table
    }

    private static func state(_ image: ImageStatus) -> String {
        guard let phase = image.phase, !phase.isEmpty else { return image.state.rawValue }
        return "\(image.state.rawValue): \(phase.printable)"
    }

    private static func lag(_ image: ImageStatus) -> String {
        let parts = [image.lagSeconds.map(Quantity.span), image.isLate ? "late" : nil]
        return parts.compactMap(\.self).joined(separator: " ")
    }

    private static func published(_ published: PublishedState?, now: Date) -> String {
        guard let published else { return "" }
        let when = published.publishedAt.map { " (\(Quantity.span(now.timeIntervalSince($0))) ago)" } ?? ""
        return published.snapshot.printable + when
    }

    /// `42%, 120.4 MiB/s, 3m 2s left`
    private static func progress(_ progress: TransferProgress) -> String {
        let done =
            if let fraction = progress.fraction, !fraction.isNaN {
                "\(Int(min(max(fraction, 0), 1) * 100))%"
            } else {
                Quantity.bytes(progress.doneBytes)
            }
        let left = progress.secondsLeft.map { "\(Quantity.span($0)) left" }
        return [done, Quantity.rate(progress.bytesPerSecond), left].compactMap(\.self).joined(separator: ", ")
    }

    private static func until(_ date: Date, now: Date) -> String {
        let seconds = date.timeIntervalSince(now)
        return seconds < 1 ? "now" : "in \(Quantity.span(seconds))"
    }

    /// An alarm, the last error with its remedy, and a line for each warning.
    private static func remarks(_ image: ImageStatus, now: Date) -> [String] {
        let name = "\(image.image.printable) (\(image.peer.printable))"
        var lines = alarmLines(image, now: now)
        if let error = image.lastError {
            lines.append("\(name)\(failures(error, now)): \(error.cause.printable)")
            if !error.remedy.isEmpty { lines.append("  \(error.remedy.printable)") }
        }
        return lines + image.warnings.map { "\(name), warning: \($0.printable)" }
    }

    /// How many runs failed in a row, and when the last did; nothing where another agent is at work instead.
    private static func failures(_ error: ImageError, _ now: Date) -> String {
        guard error.failureCount > 0 else { return "" }
        let runs = error.failureCount == 1 ? "1 run failed" : "\(error.failureCount) runs failed in a row"
        return ", \(runs), last \(Quantity.span(now.timeIntervalSince(error.at))) ago"
    }
}
