import FerryCore
import Planning

extension ConfigurationSection {
    /// A limit: a rate, `none`, or a list of windows. No limit when the key is absent or a fault was noted.
    mutating func rateLimit(_ key: String) -> RateLimit {
        guard has(key), !isText(key) else { return RateLimit(rate(key)) }
        let faultCount = reading.faults.count
        var sections = sections(key)
        var windows: [RateWindow] = []
        for index in sections.indices {
            guard let window = sections[index].rateWindow() else { continue }
            if let before = windows.last, before.isAlways {
                sections[index].note(
                    "this window never has its turn: the one before it always holds",
                    "put the one without from, to and days last")
            }
            windows.append(window)
        }
        guard reading.faults.count == faultCount else { return .none }
        guard !windows.isEmpty else {
            note("\(key) is an empty list", "write a rate such as 20MiB, or leave \(key): out", at: key)
            return .none
        }
        do {
            return try RateLimit(windows: windows)
        } catch {
            note("\(key): \(error.problem.printable)", error.remedy.printable, at: key)
            return .none
        }
    }

    /// A rate; nil for `none`, when the key is absent or a fault was noted.
    private mutating func rate(_ key: String) -> ByteRate? {
        guard let text = text(key), text != "none" else { return nil }
        do {
            return try ByteRate(text)
        } catch {
            note("\(key): \(error.problem.printable)", "\(error.remedy.printable); or none", at: key)
            return nil
        }
    }

    /// One window of a list; nil when a fault was noted.
    private mutating func rateWindow() -> RateWindow? {
        let faultCount = reading.faults.count
        require("rate")
        let rate = rate("rate")
        let (from, to) = (text("from"), text("to"))
        let days = texts("days")?.joined(separator: ",")
        finish()
        guard reading.faults.count == faultCount else { return nil }
        do {
            return try RateWindow(rate: rate, from: from, to: to, days: days)
        } catch {
            note("\(name): \(error.problem.printable)", error.remedy.printable)
            return nil
        }
    }
}

extension RateLimit {
    /// As the configuration writes it, on one line.
    var yaml: String {
        guard let first = windows.first else { return "none" }
        guard windows.count > 1 || !first.isAlways else { return first.rate?.description ?? "none" }
        return "[\(windows.map(\.yaml).joined(separator: ", "))]"
    }
}

extension RateWindow {
    fileprivate var yaml: String {
        var pairs = [(key: "rate", value: rate?.description ?? "none")]
        for (key, value) in [("from", from), ("to", to), ("days", days)] {
            if let value { pairs.append((key, YAMLText.scalar(value))) }
        }
        return YAMLText.mapping(pairs)
    }
}
