import FerryCore
import Foundation
import Planning
import SecureTransport

extension ConfigurationSection {
    /// A whole number in a range; `fallback` when the key is absent or a fault was noted.
    mutating func number(_ key: String, in range: ClosedRange<Int>, default fallback: Int) -> Int {
        guard let text = text(key) else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            note(
                "\(key) must be a whole number from \(range.lowerBound) to \(range.upperBound)",
                "write a number in that range", at: key)
            return fallback
        }
        return number
    }

    /// A whole number in a range; nil when the key is absent or a fault was noted.
    mutating func optionalNumber(_ key: String, in range: ClosedRange<Int>) -> Int? {
        // Asked for in any case: it is a key that is known here.
        let value = number(key, in: range, default: range.lowerBound)
        return has(key) ? value : nil
    }

    /// A size of at least one byte; nil when the key is absent or a fault was noted.
    mutating func byteSize(_ key: String) -> ByteSize? {
        guard let text = text(key) else { return nil }
        do {
            let size = try ByteSize(text)
            if size.byteCount == 0 {
                note("\(key) must be more than nothing", "write a size, or leave it out", at: key)
            }
            return size
        } catch {
            note("\(key): \(error.problem.printable)", error.remedy.printable, at: key)
            return nil
        }
    }

    /// `true` or `false`; `fallback` when the key is absent or a fault was noted.
    mutating func flag(_ key: String, default fallback: Bool) -> Bool {
        guard let text = text(key) else { return fallback }
        switch text {
        case "true", "yes": return true
        case "false", "no": return false
        default:
            note("\(key) must be true or false", "choose one", at: key)
            return fallback
        }
    }

    /// One of several words; `fallback` when the key is absent or a fault was noted.
    mutating func choice<Value: RawRepresentable & CaseIterable & Equatable>(
        _ key: String, among values: [Value] = Array(Value.allCases), default fallback: Value
    ) -> Value where Value.RawValue == String {
        guard let text = text(key) else { return fallback }
        guard let value = Value(rawValue: text), values.contains(value) else {
            let words = values.map(\.rawValue)
            let hint = NearestKey.find(text, in: words).map { "did you mean \($0)?" }
            note("\(key) must be one of \(words.joined(separator: ", "))", hint ?? "choose one", at: key)
            return fallback
        }
        return value
    }

    /// A length of time in a range of seconds; nil when the key is absent or a fault was noted.
    mutating func timeSpan(_ key: String, in range: ClosedRange<Int64>) -> TimeSpan? {
        guard let text = text(key) else { return nil }
        do {
            let span = try TimeSpan(text)
            guard range.contains(span.seconds) else {
                let limits = "\(TimeSpan(seconds: range.lowerBound)) to \(TimeSpan(seconds: range.upperBound))"
                note("\(key) must be from \(limits)", "write a time in that range", at: key)
                return nil
            }
            return span
        } catch {
            note("\(key): \(error.problem.printable)", error.remedy.printable, at: key)
            return nil
        }
    }

    /// A path; one that is not absolute counts from the file's folder, and `credential:NAME` is a file that systemd's
    /// LoadCredential= provides. Nil when the key is absent or a fault was noted.
    mutating func path(_ key: String) -> String? {
        guard let text = text(key) else { return nil }
        if text.hasPrefix(Self.credentialPrefix) {
            return credential(String(text.dropFirst(Self.credentialPrefix.count)), key)
        }
        guard !text.hasPrefix("/") else { return text }
        let folder = URL(fileURLWithPath: reading.file).deletingLastPathComponent()
        return folder.appendingPathComponent(text).path
    }

    /// A path that must be there.
    mutating func requiredPath(_ key: String) -> String? {
        require(key)
        return path(key)
    }

    private static let credentialPrefix = "credential:"

    private func credential(_ name: String, _ key: String) -> String? {
        guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
            note("\(key): a credential has a plain name", "write the name that LoadCredential= gives it", at: key)
            return nil
        }
        guard let folder = reading.environment["CREDENTIALS_DIRECTORY"], folder.hasPrefix("/") else {
            note(
                "\(key) names a credential, and CREDENTIALS_DIRECTORY is not set",
                "run under systemd with LoadCredential=, or write a path", at: key)
            return nil
        }
        return folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }

    /// Host and port; nil when the key is absent or a fault was noted.
    mutating func address(_ key: String) -> HostAndPort? {
        guard let text = text(key) else { return nil }
        do {
            return try HostAndPort(parsing: text)
        } catch {
            note("\(key): \(error.cause.printable)", error.remedy, at: key)
            return nil
        }
    }

    /// Host and port that must be there.
    mutating func requiredAddress(_ key: String) -> HostAndPort? {
        require(key)
        return address(key)
    }
}
