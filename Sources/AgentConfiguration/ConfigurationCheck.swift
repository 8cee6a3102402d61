import FerryCore
public import Foundation
import OpenSSL

/// Everything that is wrong, or soon will be, with a configuration file of either agent.
public struct ConfigurationCheck: Sendable {
    /// What must be mended, in the order of the lines.
    public let faults: [ConfigurationError]
    /// What should be looked at: clients that can write the same mirrors; and what will have to be done soon: certificates, and lists of revoked
    /// ones, that end within 14 days.
    public let warnings: [ConfigurationError]

    /// Reads and checks a file and, if wanted, the certificates and the key that it names.
    public init(
        file: String, withFiles: Bool, now: Date = Date(),
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        let reading = ConfigurationReading(file: file, environment: environment)
        let root: ConfigurationSection
        do {
            root = try ConfigurationSection(file: reading)
        } catch {
            faults = error.faults
            warnings = []
            return
        }
        let read = AgentConfigurationFile(root)
        var warnings = withFiles ? Self.checkTLS(root, now: Int64(now.timeIntervalSince1970)) : []
        if case .receiver(let receiver)? = read { warnings += Self.overlaps(receiver, root) }
        self.warnings = warnings
        faults = reading.sortedFaults
    }

    /// Warns of clients that can write the same mirrors.
    private static func overlaps(
        _ receiver: ReceiverConfiguration, _ root: ConfigurationSection
    ) -> [ConfigurationError] {
        ClientOverlap.find(in: receiver.clients).map { overlap in
            ConfigurationError(
                file: root.reading.file, line: root.line(of: "clients"),
                problem:
                    "clients \(overlap.first.printable) and \(overlap.second.printable) can write the same mirrors",
                remedy: "give each a prefix or a pool of its own")
        }
    }

    /// Notes faults of the files under `tls:`; warnings about them.
    private static func checkTLS(_ root: ConfigurationSection, now: Int64) -> [ConfigurationError] {
        var root = root
        // Faults in the section itself are noted already, and taken once.
        guard let kind = AgentKind(root), var section = root.section("tls") else { return [] }
        let check = TLSFileCheck(
            authority: section.path("authority"), certificate: section.path("certificate"), key: section.path("key"),
            revoked: section.path("revoked"), role: kind == .sender ? .client : .server, now: now)
        for fault in check.faults() { section.note(fault.cause, fault.remedy, at: check.configurationKey(of: fault)) }
        return check.endingSoon().map { ending in
            let dayCount = (ending.notAfter - now) / 86_400
            return ConfigurationError(
                file: root.reading.file,
                line: check.configurationKey(of: ending.path).map { section.line(of: $0) } ?? section.line,
                problem: "\(ending.what) \(ending.path) ends on \(utcText(ending.notAfter)), in \(dayCount) days",
                remedy: ending.remedy)
        }
    }
}
