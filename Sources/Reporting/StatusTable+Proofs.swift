import FerryCore
import FoundationEssentials

extension StatusTable {
    /// For the table: `ALARM`, or what was compared last and when: `full 3h ago`, `changed 2% 4m 12s ago`.
    static func proof(_ image: ImageStatus, now: Date) -> String {
        guard image.alarm == nil else { return "ALARM" }
        guard let last = image.lastProof else { return "" }
        let age = Quantity.span(now.timeIntervalSince(last.at))
        let coverage = last.comparedRatio < 1 ? " \(percent(last.comparedRatio))" : ""
        return "\(last.scope.printable)\(coverage) \(age) ago"
    }

    /// What an alarm is about, and the way out.
    static func alarmLines(_ image: ImageStatus, now: Date) -> [String] {
        guard let alarm = image.alarm else { return [] }
        let ranges = alarm.differing.prefix(3).map(\.text)
        let more = alarm.differing.count > ranges.count ? " ..." : ""
        return [
            "\(image.image.printable) (\(image.peer.printable)), ALARM for "
                + "\(Quantity.span(now.timeIntervalSince(alarm.since))): \(Quantity.bytes(alarm.differingBytes)) of "
                + "\(alarm.mirrorSnapshot.printable) differ from the source's, at \(ranges.joined(separator: " "))\(more)",
            "  look at both clusters' health, then mend it with `rbd-ferry verify IMAGE --config FILE --repair` at the "
                + "sender, by the image's name there",
        ]
    }

    /// A share, such that nothing but all is `100%`.
    private static func percent(_ ratio: Double) -> String {
        let hundredths = min(max(ratio.isNaN ? 0 : ratio, 0) * 100, 100)
        return hundredths < 1 ? "\(Quantity.decimal(hundredths, digits: 1))%" : "\(Int(min(hundredths, 99)))%"
    }
}
