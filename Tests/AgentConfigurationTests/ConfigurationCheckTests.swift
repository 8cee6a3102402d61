import AgentConfiguration
import FerryCore
import Foundation
import TestCertificates
import Testing

@Suite("A check of a configuration file")
struct ConfigurationCheckTests {
    let folder: CertificateFolder

    init() throws { folder = try CertificateFolder() }

    /// Three lines of `tls:`, of which the first is the fourth of the sample.
    private func text(certificate: String = "sender.pem", key: String = "sender.key") -> String {
        let (before, after) = Sample.sender.split(
            at: "tls: {authority: certs/ca.pem, certificate: /c/s.pem, key: /c/s.key}")
        return """
            \(before)tls:
              authority: \(folder.file("ca.pem"))
              certificate: \(folder.file(certificate))
              key: \(folder.file(key))\(after)
            """ + Sample.rule
    }

    private func check(_ text: String, withFiles: Bool = true, now: Date = Date()) throws -> ConfigurationCheck {
        try withFile(text) { ConfigurationCheck(file: $0, withFiles: withFiles, now: now, environment: [:]) }
    }

    private func lines(_ faults: [ConfigurationError]) -> [String] { faults.map { "\($0.line): \($0.problem)" } }

    @Test("is silent when all is well, for either agent")
    func silent() throws {
        let sender = try check(text())
        #expect(sender.faults == [] && sender.warnings == [])
        let tls = Sample.receiver.replacing("certs/ca.pem", with: folder.file("ca.pem"))
            .replacing("/c/r.pem", with: folder.file("receiver.pem"))
            .replacing("/c/r.key", with: folder.file("receiver.key"))
        let receiver = try check(tls)
        #expect(receiver.faults == [] && receiver.warnings == [])
    }

    @Test("finds every file that is missing, with the line that names it, unless it is told not to look")
    func missing() throws {
        let found = try check(text(certificate: "no.pem", key: "no.key") + "parallel: 0\n")
        #expect(
            lines(found.faults) == [
                "6: file \(folder.file("no.pem")) does not exist", "7: file \(folder.file("no.key")) does not exist",
                "13: parallel must be a whole number from 1 to 64",
            ])
        #expect(try check(text(certificate: "no.pem", key: "no.key"), withFiles: false).faults == [])
    }

    @Test("looks into the files that are named when another is not")
    func partly() throws {
        let found = try check(text(certificate: "no.pem").replacing("  key: \(folder.file("sender.key"))\n", with: ""))
        #expect(
            lines(found.faults) == ["5: tls has no key key", "6: file \(folder.file("no.pem")) does not exist"])
    }

    @Test("finds files that do not fit together or not to the agent")
    func unfit() throws {
        #expect(lines(try check(text(key: "receiver.key")).faults).first?.hasPrefix("7: the key ") == true)
        let other = try check(text(certificate: "receiver.pem", key: "receiver.key"))
        #expect(lines(other.faults) == ["6: the certificate \(folder.file("receiver.pem")) is not meant for a client"])
    }

    @Test("counts a certificate that has ended as a fault, and one that ends within 14 days as a warning")
    func ending() throws {
        try folder.issue("old", .init(alternativeNames: "DNS:old", usage: "clientAuth", days: -2 ... -1))
        let old = try check(text(certificate: "old.pem", key: "old.key"))
        #expect(lines(old.faults).map { String($0.prefix(18)) } == ["6: the certificate"] && old.warnings == [])
        for (days, isWarned) in [(13.9, true), (14.1, false)] {
            try folder.issue("short", .init(alternativeNames: "DNS:short", usage: "clientAuth", days: -1...days))
            let short = try check(text(certificate: "short.pem", key: "short.key"))
            #expect(short.faults == [])
            #expect(short.warnings.map(\.line) == (isWarned ? [6] : []))
            #expect(short.warnings.allSatisfy { $0.problem.hasSuffix(", in 13 days") })
        }
    }

    @Test("looks into the list of revoked certificates, and warns before it ends")
    func revoked() throws {
        let path = folder.file("revoked.pem")
        let listed = text().replacing("  key: ", with: "  revoked: \(path)\n  key: ")
        #expect(lines(try check(listed).faults) == ["7: file \(path) does not exist"])
        for (days, isWarned) in [("10", true), ("20", false)] {
            let made = try CertificateFolder.makeCerts(["--out", folder.path, "--days", days, "--list"])
            #expect(made.status == 0)
            let found = try check(listed)
            #expect(found.faults == [] && found.warnings.map(\.line) == (isWarned ? [7] : []))
            #expect(found.warnings.allSatisfy { $0.problem.contains("the list of revoked certificates \(path) ends") })
        }
        try folder.write("nonsense", to: "revoked.pem")
        #expect(
            lines(try check(listed).faults)
                == ["7: \(path) holds no usable list of revoked certificates in PEM form"])
    }

    @Test(
        "warns of two clients that can write the same mirrors",
        arguments: [
            ("images: x, prefix: \"\"", false), ("images: vm-7", true), ("images: \"*\"", true),
            ("images: \"v*\"", true), ("images: \"*\", prefix: c-", false), ("images: \"*-1\", prefix: v", true),
            ("images: \"m-*\", prefix: v", true), ("images: rbd/db", true), ("images: db1", false),
            ("images: \"vm-*\", pool: rbd", true), ("images: \"d[b]\"", true),
        ])
    func overlap(keys: String, isWarned: Bool) throws {
        let found = try check(Sample.receiver + "  - {identity: other.site-c, \(keys)}\n", withFiles: false)
        #expect(found.faults == [])
        let warning = "6: clients sender.site-a and other.site-c can write the same mirrors"
        #expect(lines(found.warnings) == (isWarned ? [warning] : []))
    }

    @Test("tells a file of neither agent, and of one with a misspelt list")
    func kind() throws {
        let neither = try check("site: a\n")
        #expect(lines(neither.faults) == ["1: is neither a sender's configuration nor a receiver's"])
        let misspelt = try check(text().replacing("peers:", with: "peer:"), withFiles: false)
        #expect(lines(misspelt.faults).contains("8: unknown key peer in the file"))
    }

    @Test("of a file that can't be read has one fault")
    func unreadable() {
        let check = ConfigurationCheck(file: "/nowhere/x.yaml", withFiles: true)
        #expect(check.faults.count == 1 && check.warnings == [])
    }
}

extension String {
    /// What stands before and behind a part that occurs once.
    fileprivate func split(at part: String) -> (before: String, after: String) {
        let parts = components(separatedBy: part)
        return (parts.first ?? "", parts.dropFirst().first ?? "")
    }
}
