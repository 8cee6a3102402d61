import Planning

extension ImageSettings {
    /// When the image is due, in words.
    public var scheduleText: String {
        switch schedule {
        case .every(let seconds): "every \(TimeSpan(seconds: seconds))"
        case .at(let events): "at \(events.map(\.text).joined(separator: ", "))"
        case nil: "only when asked"
        }
    }

    /// How what changed is found, and what is done without a common snapshot, in words; nil: as usual.
    public var diffText: String? {
        let diff = mode == .hybrid ? nil : "diff \(mode.rawValue)"
        let lostBase = onLostBase == .refuse ? nil : "on lost base \(onLostBase.rawValue)"
        let texts = [diff, lostBase].compactMap(\.self)
        return texts.isEmpty ? nil : texts.joined(separator: ", ")
    }

    /// Which snapshots stay, in words.
    public var keepText: String {
        guard case .rules(let rules) = keep else { return "all" }
        let counts = rules.counts.map { "\($0.name) \($0.count)" }
        return (counts + rules.also.map { "also \($0)" }).joined(separator: ", ")
    }

    /// When its mirrors are proven, in words.
    public var verifyText: String {
        let after = verify.afterSync == .none ? nil : "\(verify.afterSync.rawValue) after each sync"
        let full = verify.fullEvery.map { "full every \($0)" }
        return [after, full].compactMap(\.self).joined(separator: ", ")
    }
}
