import FerryCore
import Planning

extension ProofPolicy {
    /// Reads `verify:`; nil when it is absent or a fault was noted.
    init?(_ section: inout ConfigurationSection) {
        guard section.has("verify"), !section.isText("verify") else {
            guard let text = section.text("verify") else { return nil }
            guard text == "none" else {
                section.note(
                    "verify must be none, or say when a mirror is proven",
                    "write none, or {after-sync: changed, full-every: 7d}", at: "verify")
                return nil
            }
            self.init()
            return
        }
        guard var verify = section.section("verify") else { return nil }
        let faultCount = verify.reading.faults.count
        self.init()
        afterSync = verify.choice("after-sync", default: .none)
        fullEvery = verify.timeSpan("full-every", in: TimeLimits.fullEvery)
        sample = verify.percentage("sample") ?? sample
        verify.finish()
        guard verify.reading.faults.count == faultCount else { return nil }
        if verify.has("sample"), afterSync != .changed {
            verify.note("sample has no meaning without after-sync: changed", "remove it, or add that", at: "sample")
        }
        if !provesByItself {
            verify.note("verify proves nothing", "write none, or a key such as {full-every: 7d}")
        }
    }

    /// As the configuration writes it, on one line.
    var yaml: String {
        guard provesByItself else { return "none" }
        var pairs = [(key: "after-sync", value: afterSync.rawValue)]
        if let fullEvery { pairs.append(("full-every", YAMLText.scalar(fullEvery.description))) }
        if afterSync == .changed { pairs.append(("sample", YAMLText.scalar(sample.description))) }
        return YAMLText.mapping(pairs)
    }
}

extension ConfigurationSection {
    /// A share; nil when the key is absent or a fault was noted.
    fileprivate mutating func percentage(_ key: String) -> Percentage? {
        guard let text = text(key) else { return nil }
        do {
            return try Percentage(text)
        } catch {
            note("\(key): \(error.problem.printable)", error.remedy.printable, at: key)
            return nil
        }
    }
}
