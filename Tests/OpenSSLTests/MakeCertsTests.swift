import Foundation
import TestCertificates
import Testing

@Suite("certs/make-certs")
struct MakeCertsTests {
    @Test("keys are readable by their owner only")
    func modes() throws {
        let folder = try CertificateFolder()
        for name in ["ca.key", "sender.key", "receiver.key"] {
            let mode = try FileManager.default.attributesOfItem(atPath: folder.file(name))[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(name)")
        }
    }

    @Test("existing files are left alone, and that is said")
    func noOverwrite() throws {
        let folder = try CertificateFolder()
        let before = try folder.text(of: "sender.pem")
        let outcome = try CertificateFolder.makeCerts(["--out", folder.path])
        #expect(outcome.status == 1)
        #expect(outcome.text.contains("left alone"))
        #expect(try folder.text(of: "sender.pem") == before)
    }

    @Test("renewing replaces certificates and keys under the same authority")
    func renew() throws {
        let folder = try CertificateFolder()
        let before = try ["ca.pem", "sender.pem", "sender.key"].map { try folder.text(of: $0) }
        let outcome = try CertificateFolder.makeCerts(["--out", folder.path, "--renew"])
        let after = try ["ca.pem", "sender.pem", "sender.key"].map { try folder.text(of: $0) }
        #expect(outcome.status == 0)
        #expect(after[0] == before[0])
        #expect(after[1] != before[1] && after[2] != before[2])
    }

    @Test(
        "what it can't use is refused before anything is written",
        arguments: [["--days", "0"], ["--days"], ["a,b"], ["a\nb"], ["a", "b", "c"], ["--frob"]])
    func refused(arguments: [String]) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("never-\(UUID().uuidString)").path
        #expect(try CertificateFolder.makeCerts(["--out", path] + arguments).status == 2)
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
