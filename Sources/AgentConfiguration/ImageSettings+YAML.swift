import Hooks
import Planning

extension YAMLWriter {
    /// What a rule says beside its pattern.
    mutating func add(_ settings: ImageSettings) {
        switch settings.schedule {
        case .every(let seconds): add("every", TimeSpan(seconds: seconds).description)
        case .at(let events): addRaw("at", YAMLText.list(events.map(\.text)))
        case nil: break
        }
        addRaw("to", YAMLText.list(settings.peers))
        add("snapshots", settings.snapshots.text)
        add("quiesce", settings.quiesce.rawValue)
        addRaw("keep", settings.keep.yaml)
        add("catch-up", settings.catchUp.rawValue)
        if let before = settings.before { addRaw("before", before.yaml) }
        if let after = settings.after { addRaw("after", after.yaml) }
        add("diff", settings.mode.rawValue)
        add("on-lost-base", settings.onLostBase.rawValue)
        addRaw("verify", settings.verify.yaml)
    }
}

extension Retention {
    /// As the configuration writes it, on one line.
    var yaml: String {
        guard case .rules(let rules) = self else { return "all" }
        var pairs = rules.counts.map { (key: $0.name, value: "\($0.count)") }
        if !rules.also.isEmpty { pairs.append(("also", YAMLText.list(rules.also.map(\.text)))) }
        return YAMLText.mapping(pairs)
    }
}

extension RetentionRules {
    /// The rules that keep something.
    var counts: [(name: String, count: Int)] {
        let all = [("last", last), ("hourly", hourly), ("daily", daily), ("weekly", weekly), ("monthly", monthly)]
        return all.filter { $0.1 > 0 }.map { (name: $0.0, count: $0.1) }
    }
}

extension Hook {
    /// As the configuration writes it, on one line.
    fileprivate var yaml: String {
        YAMLText.mapping([
            ("command", YAMLText.list(command)),
            ("timeout", YAMLText.scalar(TimeSpan(seconds: timeoutSeconds).description)), ("fatal", "\(isFatal)"),
        ])
    }
}
