import Foundation

/// A temporary folder with an authority and certificates, made by `certs/make-certs` and the openssl command. Removed
/// with its last reference.
public final class CertificateFolder: Sendable {
    /// Where the files are.
    public let path: String

    /// A folder with `ca`, `sender` and `receiver`, as an operator makes it.
    public init(senderName: String = "sender.site-a", receiverName: String = "receiver.site-b") throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("certificates-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let outcome = try Self.makeCerts(["--out", path, "--days", "30", senderName, receiverName])
        guard outcome.status == 0 else { throw CommandFailure(outcome: outcome) }
    }

    deinit {
        // Only a litter in the temporary folder is left if this fails.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a file in the folder.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file with the permissions of a key.
    public func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        try setMode(0o600, of: name)
    }

    /// The text of a file.
    public func text(of name: String) throws -> String {
        try String(contentsOfFile: file(name), encoding: .utf8)
    }

    /// Changes a file's permissions.
    public func setMode(_ mode: Int, of name: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file(name))
    }

    /// What a certificate to be issued says.
    public struct Request: Sendable {
        var alternativeNames: String
        var usage: String
        var days: ClosedRange<Double>

        /// `alternativeNames` in openssl's notation; `usage` is `clientAuth` or `serverAuth`; `days` is the time of
        /// validity, counted from now.
        public init(alternativeNames: String, usage: String, days: ClosedRange<Double> = -1...1) {
            self.alternativeNames = alternativeNames
            self.usage = usage
            self.days = days
        }
    }

    /// Issues NAME.pem and NAME.key, signed by this folder's authority.
    public func issue(_ name: String, _ request: Request) throws {
        try write(Self.authorityConfiguration(folder: path), to: "\(name).conf")
        try write(
            "extendedKeyUsage=\(request.usage)\nsubjectAltName=\(request.alternativeNames)\n", to: "\(name).ext")
        try openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=unused",
            "-keyout", file("\(name).key"), "-out", file("\(name).csr"))
        try openssl(
            "ca", "-batch", "-notext", "-config", file("\(name).conf"), "-in", file("\(name).csr"),
            "-out", file("\(name).pem"), "-extfile", file("\(name).ext"),
            "-startdate", Self.date(request.days.lowerBound), "-enddate", Self.date(request.days.upperBound))
        try setMode(0o600, of: "\(name).key")
    }

    private static func authorityConfiguration(folder: String) -> String {
        """
        [ca]
        default_ca = authority
        [authority]
        certificate = \(folder)/ca.pem
        private_key = \(folder)/ca.key
        new_certs_dir = \(folder)
        database = \(folder)/index
        unique_subject = no
        rand_serial = yes
        default_md = sha256
        policy = policy
        [policy]
        commonName = supplied
        """
    }

    private static func date(_ days: Double) -> String {
        let formatter = DateFormatter()
        formatter.dateFormat = "yyyyMMddHHmmss'Z'"
        formatter.timeZone = TimeZone(identifier: "UTC")
        return formatter.string(from: Date(timeIntervalSinceNow: days * 86400))
    }

    /// Runs openssl and expects it to succeed.
    public func openssl(_ arguments: String...) throws {
        if !FileManager.default.fileExists(atPath: file("index")) { try write("", to: "index") }
        let outcome = try Self.run("/usr/bin/env", ["openssl"] + arguments)
        guard outcome.status == 0 else { throw CommandFailure(outcome: outcome) }
    }

    /// Runs `certs/make-certs`.
    public static func makeCerts(_ arguments: [String]) throws -> Outcome {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try run(root.appendingPathComponent("certs/make-certs").path, arguments)
    }

    /// How a command ended.
    public struct Outcome: Sendable {
        /// Exit status.
        public let status: Int32
        /// What it wrote to its output and its errors.
        public let text: String
    }

    private struct CommandFailure: Error { let outcome: Outcome }

    private static func run(_ program: String, _ arguments: [String]) throws -> Outcome {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Outcome(status: process.terminationStatus, text: text)
    }
}
