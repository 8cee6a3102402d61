import Foundation
import TestCertificates
import Testing

extension EndToEnd {
    @Suite("rbd-ferry config", .serialized, .timeLimit(.minutes(1)))
    struct ConfigCommandTests {
        private struct Document: Decodable {
            struct Image: Decodable, Equatable {
                var image: String
                var decidedBy: String
                var line: Int?
                var pattern: String?
                var peers: [String]?
            }
            var images: [Image]
        }
        private let certificates: CertificateFolder

        init() throws { certificates = try CertificateFolder() }

        /// Eleven lines; the rules are the last three.
        private var text: String {
            """
            site: a
            store: {directory: {path: images}}
            tls:
              {authority: ca.pem, certificate: sender.pem, key: sender.key}
            peers:
              - {name: b, address: "mirror.example:7440", server-name: receiver.site-b}

            images:
              - {match: "vm-*", every: 15m, keep: {last: 3}}
              - {match: "db", at: "Mon..Fri 02:30", keep: all}
              - {exclude: "vm-scratch*"}

            """
        }

        private func config(_ arguments: String...) async throws -> RunningCommand.Outcome {
            try await RunningCommand(FerryBinary.path, ["config"] + arguments).outcome()
        }

        private func write(_ text: String, to name: String = "sender.yaml") throws -> String {
            try certificates.write(text, to: name)
            return certificates.file(name)
        }

        @Test("check says nothing about good files and ends with 0")
        func good() async throws {
            let file = try write(text)
            let outcome = try await config("check", file, file)
            #expect(outcome.status == 0 && outcome.output == "" && outcome.errors == "", "\(outcome.errors)")
        }

        @Test("check tells each fault on two lines and ends with 2")
        func faults() async throws {
            let file = try write(text + "paralel: 3\nchekpoint-mib: 3\n")
            let outcome = try await config("check", file)
            #expect(outcome.status == 2 && outcome.output == "")
            #expect(
                outcome.errors == """
                    \(file):12: unknown key paralel in the file
                      did you mean parallel?
                    \(file):13: unknown key chekpoint-mib in the file
                      did you mean checkpoint-mib?

                    """)
        }

        @Test("check looks into the certificates, unless it is told not to, and warns of those that end soon")
        func certificateFiles() async throws {
            let file = try write(text.replacing("sender.key", with: "gone.key"))
            let outcome = try await config("check", file)
            #expect(outcome.status == 2 && outcome.errors.hasPrefix("\(file):4: file "), "\(outcome.errors)")
            #expect(try await config("check", "--no-files", file).status == 0)
            try certificates.issue("soon", .init(alternativeNames: "DNS:a", usage: "clientAuth", days: -1...3))
            let soon = try write(text.replacing("sender.", with: "soon."), to: "soon.yaml")
            let warned = try await config("check", soon)
            #expect(warned.status == 0 && warned.errors.hasPrefix("\(soon):4: warning: "), "\(warned.errors)")
        }

        @Test("show prints a file that check accepts and that shows the same")
        func show() async throws {
            let shown = try await config("show", try write(text))
            #expect(shown.status == 0 && shown.output.contains("parallel: 4\n"), "\(shown.errors)")
            let file = try write(shown.output, to: "shown.yaml")
            #expect(try await config("check", file).status == 0)
            #expect(try await config("show", file).output == shown.output)
            let broken = try await config("show", try write(text + "a-key: 1\nb-key: 2\n"))
            #expect(broken.status == 2 && broken.output == "" && broken.errors.split(separator: "\n").count == 4)
        }

        @Test("match tells which line decides about named images, without a store")
        func matchNamed() async throws {
            let file = try write(text)
            let outcome = try await config("match", file, "vm-1", "vm-scratch1", "db", "other")
            #expect(outcome.status == 0, "\(outcome.errors)")
            let lines = outcome.output.split(separator: "\n").map {
                $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
            }
            #expect(
                lines == [
                    "vm-1 \(file):9 match vm-* every 15m; to b; keep last 3",
                    "vm-scratch1 \(file):11 exclude vm-scratch*",
                    "db \(file):10 match db at Mon..Fri 02:30; to b; keep all", "other no rule matches",
                ])
        }

        @Test("match without names asks the store, and prints JSON when it should")
        func matchAll() async throws {
            let file = try write(text)
            for name in ["vm-1", "other"] {
                let folder = certificates.file("images/\(name)")
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try Data(count: 4096).write(to: URL(fileURLWithPath: "\(folder)/head.raw"))
            }
            let outcome = try await config("match", "--json", file)
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            #expect(
                try decoder.decode(Document.self, from: Data(outcome.output.utf8)).images == [
                    Document.Image(image: "other", decidedBy: "nothing"),
                    Document.Image(image: "vm-1", decidedBy: "match", line: 9, pattern: "vm-*", peers: ["b"]),
                ])
        }

        @Test("match has no use for a receiver's file")
        func matchReceiver() async throws {
            let file = try write(
                text.components(separatedBy: "peers:")[0] + "clients: [{identity: x, images: y}]\n", to: "receiver.yaml"
            )
            let outcome = try await config("match", file, "vm")
            #expect(
                outcome.status == 2 && outcome.errors.contains("is a receiver's configuration"), "\(outcome.errors)")
        }
    }
}
