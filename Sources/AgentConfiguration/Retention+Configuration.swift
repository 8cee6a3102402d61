import Planning

extension Retention {
    private static let countMax = 10_000

    /// Reads `keep:`; nil when it is absent or a fault was noted.
    init?(_ section: inout ConfigurationSection) {
        guard section.has("keep"), !section.isText("keep") else {
            guard let text = section.text("keep") else { return nil }
            guard text == "all" else {
                section.note("keep must be all, or rules", "write all, or {last: 3, daily: 7}", at: "keep")
                return nil
            }
            self = .all
            return
        }
        guard var keep = section.section("keep") else { return nil }
        let faultCount = keep.reading.faults.count
        var rules = RetentionRules()
        rules.last = keep.number("last", in: 0...Self.countMax, default: 0)
        rules.hourly = keep.number("hourly", in: 0...Self.countMax, default: 0)
        rules.daily = keep.number("daily", in: 0...Self.countMax, default: 0)
        rules.weekly = keep.number("weekly", in: 0...Self.countMax, default: 0)
        rules.monthly = keep.number("monthly", in: 0...Self.countMax, default: 0)
        rules.also = (keep.texts("also") ?? []).map { ImagePattern($0) }
        keep.finish()
        guard keep.reading.faults.count == faultCount else { return nil }
        guard [rules.last, rules.hourly, rules.daily, rules.weekly, rules.monthly].contains(where: { $0 > 0 }) else {
            keep.note("keep keeps nothing", "write all, or a number such as {last: 3}")
            return nil
        }
        self = .rules(rules)
    }
}
