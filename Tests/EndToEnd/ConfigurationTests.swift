import Foundation
import TestCertificates
import Testing

extension EndToEnd {
    @Suite("What is wrong with the set-up is named", .serialized, .timeLimit(.minutes(1)))
    struct ConfigurationTests {
        private func expect(
            status: Int32, saying words: String, stage: Stage, _ settings: SenderSettings,
            location: SourceLocation = #_sourceLocation
        ) async throws {
            let before = try await stage.mirrorImage().digests()
            let outcome = try await stage.sync(settings: settings)
            let said = outcome.errors + outcome.images.compactMap(\.error).joined()
            #expect(outcome.status == status, "\(said)", sourceLocation: location)
            #expect(said.contains(words), "\(said)", sourceLocation: location)
            #expect(try await stage.mirrorImage().digests() == before, sourceLocation: location)
        }

        private func withSyncedStage(_ body: (Stage, SenderSettings) async throws -> Void) async throws {
            try await Stage.with(.directories) { stage in
                try await stage.makeSource(byteCount: 1 << 20)
                #expect(try await stage.sync().status == 0)
                try await body(stage, SenderSettings(port: try stage.receiver.port))
            }
        }

        @Test("a server of another name: 12")
        func serverName() async throws {
            try await withSyncedStage { stage, settings in
                var settings = settings
                settings.serverName = "receiver.site-c"
                try await expect(status: 12, saying: "receiver.site-c", stage: stage, settings)
            }
        }

        @Test("a sender's certificate of another authority: 12")
        func foreignSender() async throws {
            let others = try CertificateFolder()
            try await withSyncedStage { stage, settings in
                // It trusts both authorities; the receiver does not.
                let both = try [others, stage.certificates].map { try $0.text(of: "ca.pem") }.joined()
                try others.write(both, to: "both.pem")
                var settings = settings
                settings.authority = others.file("both.pem")
                settings.certificate = others.file("sender.pem")
                settings.key = others.file("sender.key")
                try await expect(status: 12, saying: "certificate", stage: stage, settings)
            }
        }

        @Test("a receiver's certificate of another authority: 12")
        func foreignReceiver() async throws {
            let others = try CertificateFolder()
            try await withSyncedStage { stage, settings in
                var settings = settings
                settings.authority = others.file("ca.pem")
                settings.certificate = others.file("sender.pem")
                settings.key = others.file("sender.key")
                try await expect(status: 12, saying: "certificate", stage: stage, settings)
            }
        }

        @Test("an authority that did not issue the side's own certificate: 2")
        func foreignAuthority() async throws {
            let others = try CertificateFolder()
            try await withSyncedStage { stage, settings in
                var settings = settings
                settings.authority = others.file("ca.pem")
                try await expect(status: 2, saying: "is not signed by the authority", stage: stage, settings)
            }
        }

        @Test("a key that others can read: 2")
        func readableKey() async throws {
            try await withSyncedStage { stage, settings in
                try stage.certificates.setMode(0o644, of: "sender.key")
                try await expect(status: 2, saying: "sender.key", stage: stage, settings)
            }
        }

        @Test("an unknown key in the configuration: 2, and the nearest known one is named")
        func unknownKey() async throws {
            try await withSyncedStage { stage, settings in
                var settings = settings
                settings.more = "chekpoint-mb: 3"
                try await expect(status: 2, saying: "did you mean checkpoint-mib?", stage: stage, settings)
            }
        }

        @Test("no receiver: 75")
        func noReceiver() async throws {
            try await withSyncedStage { stage, settings in
                await stage.killReceiver()
                try await expect(status: 75, saying: "127.0.0.1", stage: stage, settings)
            }
        }

        @Test("an image that is not there: 1")
        func noImage() async throws {
            try await withSyncedStage { stage, _ in
                let outcome = try await stage.sync("nothing-like-this")
                #expect(outcome.status == 1)
            }
        }
    }
}
