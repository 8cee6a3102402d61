import FerryCore
import Hooks
import Planning

/// Reads the entries of `images:`.
struct ImageRule {
    /// What is done with an image when its rule does not say.
    let defaults: ImageSettings
    /// Names of all peers that are listed, also of those with faults.
    let peerNames: [String]
    /// Whether images are named with their pool.
    let isQualified: Bool

    /// One entry; nil when a fault was noted.
    func read(_ section: ConfigurationSection) -> RuleList<ImageSettings>.Rule? {
        var section = section
        let faultCount = section.reading.faults.count
        let isExclusion = section.has("exclude")
        let key = isExclusion ? "exclude" : "match"
        section.require(key)
        let pattern = section.text(key)
        if let pattern { check(pattern, section, key) }
        let settings = isExclusion ? nil : settings(&section)
        if isExclusion { requireAlone(section) } else { section.finish() }
        guard let pattern, section.reading.faults.count == faultCount else { return nil }
        return RuleList.Rule(pattern: ImagePattern(pattern), line: section.line, settings: settings)
    }

    private func check(_ pattern: String, _ section: ConfigurationSection, _ key: String) {
        guard pattern.utf8.contains(UInt8(ascii: "/")), !isQualified else { return }
        section.note(
            "\(pattern.printable) has a slash, and images of this store are named without their pool",
            "write the image's name only, or list the pools under store: ceph: pools:", at: key)
    }

    private func requireAlone(_ section: ConfigurationSection) {
        for key in section.keys where key != "exclude" {
            section.note(
                "\(key.printable) has no meaning beside exclude", "remove it: an excluded image is left alone", at: key)
        }
    }

    private func settings(_ section: inout ConfigurationSection) -> ImageSettings {
        var settings = defaults
        settings.schedule = schedule(&section)
        settings.peers = peers(&section) ?? defaults.peers
        settings.snapshots = section.text("snapshots").map { SnapshotSelection($0) } ?? defaults.snapshots
        settings.quiesce = section.choice("quiesce", default: defaults.quiesce)
        settings.catchUp = section.choice("catch-up", default: defaults.catchUp)
        settings.before = Hook(section.section("before"), isFatal: true)
        settings.after = Hook(section.section("after"), isFatal: false)
        settings.mode = section.choice("diff", among: ImageSettings.modes, default: defaults.mode)
        settings.onLostBase = section.choice("on-lost-base", default: defaults.onLostBase)
        settings.verify = ProofPolicy(&section) ?? defaults.verify
        settings.keep = Retention(&section) ?? defaults.keep
        if section.has("every") || section.has("at"), !section.has("keep") {
            section.note(
                "a rule with a schedule says what is kept",
                "add keep: all, or rules such as keep: {last: 3, daily: 7}")
        }
        return settings
    }

    private func schedule(_ section: inout ConfigurationSection) -> Schedule? {
        let every = section.timeSpan("every", in: TimeLimits.every)
        let at = section.texts("at")
        guard !(section.has("every") && section.has("at")) else {
            section.note("every and at can't be beside each other", "keep one of the two", at: "at")
            return nil
        }
        if let every { return .every(seconds: every.seconds) }
        guard let at else { return nil }
        guard !at.isEmpty else {
            section.note("at is an empty list", "write a time such as \"Mon..Fri 02:30\"", at: "at")
            return nil
        }
        return .at(at.compactMap { event($0, section) })
    }

    private func event(_ text: String, _ section: ConfigurationSection) -> CalendarEvent? {
        do {
            return try CalendarEvent(text)
        } catch {
            section.note("at: \(error.problem.printable)", error.remedy.printable, at: "at")
            return nil
        }
    }

    private func peers(_ section: inout ConfigurationSection) -> [String]? {
        guard let names = section.texts("to") else { return nil }
        if names.isEmpty { section.note("to is an empty list", "name a peer, or leave to: out", at: "to") }
        for name in names where !peerNames.contains(name) {
            let hint = NearestKey.find(name, in: peerNames).map { "did you mean \($0)?" }
            section.note(
                "no peer is named \(name.printable)", hint ?? "there are: \(peerNames.joined(separator: ", "))",
                at: "to")
        }
        if Set(names).count < names.count { section.note("to names a peer twice", "keep one of the two", at: "to") }
        return names
    }
}
